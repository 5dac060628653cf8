/* program-generator.h - random C functions whose result every compiler must agree on */
#ifndef NUB_TESTS_PROGRAM_GENERATOR_H
#define NUB_TESTS_PROGRAM_GENERATOR_H

#include <glib.h>

/** Source text with `n` exported functions f0, f1, ... of four uint64_t. The same seed gives the same text. */
char *program_generate(guint32 seed, unsigned n);

#endif
