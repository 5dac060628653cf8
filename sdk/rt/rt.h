/* rt.h - names of the functions that a compiler calls by itself
 *
 * Natively they have a prefix, so that a test can hold them against the machine's own arithmetic.
 */
#ifndef NUB_RT_H
#define NUB_RT_H

#include <stdint.h>

#ifdef __riscv
#define RT(name) name
typedef long double quad; /* binary128 */
#else
#define RT_(name) rt##name
#define RT(name) RT_(name)
__extension__ typedef __float128 quad;
#endif

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

#endif
