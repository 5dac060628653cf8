/* crt0.c - how `main` is entered
 *
 * Runs the constructors, then main with the arguments of the invocation, and returns its result
 * to the halt address. Other endpoints are entered directly. Weak references: a program without
 * main links too, and the linker then drops this.
 */
#include <nub-guest.h>

__attribute__((weak)) extern int main(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3);
__attribute__((weak)) extern void (*const __init_array_start[])(void);
__attribute__((weak)) extern void (*const __init_array_end[])(void);

int64_t _start(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3);

int64_t
_start(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3)
{
    for (void (*const *f)(void) = __init_array_start; f != __init_array_end; f++)
        (*f)();
    return main(a0, a1, a2, a3);
}
