/* newlib.h - newlib's configuration: what its configure would write
 *
 * Streams as the C standard wants them, one byte per character.
 */
#ifndef __NEWLIB_H__
#define __NEWLIB_H__ 1

#include <_newlib_version.h>

#define _WANT_IO_C99_FORMATS 1
#define _WANT_IO_LONG_LONG 1
#define _WANT_IO_LONG_DOUBLE 1
#define _WANT_IO_POS_ARGS 1
#define _HAVE_LONG_DOUBLE 1
#define _ATEXIT_DYNAMIC_ALLOC 1
#define _FVWRITE_IN_STREAMIO 1
#define _WIDE_ORIENT 1
#define _UNBUF_STREAM_OPT 1
#define HAVE_INITFINI_ARRAY 1
#define __OBSOLETE_MATH 0 /* its newer exp, log, pow, sinf and cosf: what the C library of this machine has, too */
#define _MB_LEN_MAX 1

#endif
