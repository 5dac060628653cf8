/* link-rv-private.h - shared by link-rv.c and link-rvc.c */
#ifndef NUB_TOOLS_LINK_RV_PRIVATE_H
#define NUB_TOOLS_LINK_RV_PRIVATE_H

#include "link-rv.h"

/** Expands a 16-bit form; `insn` is zeroed but for its size. */
void rv_decode_compressed(struct rv_insn *insn, uint32_t half);

/** The low `n` bits of `value` as a signed number. */
static inline int64_t
rv_bits_signed(uint32_t value, unsigned n)
{
    return (int64_t)((uint64_t)value << (64 - n)) >> (64 - n);
}

#endif
