/* setjmp.S - newlib's setjmp and longjmp: told that the registers are those of RV64E, and hidden, since
 * symbols of default visibility would be endpoints of the program */
#define __riscv_32e 1
    .hidden setjmp
    .hidden longjmp
#include "machine/riscv/setjmp.S"
