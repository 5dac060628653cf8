/* long-double.c - the runtime has no arithmetic of binary128: printf's %Lf ends the run */
#include <nub-guest.h>

double __trunctfdf2(long double x);

double
__trunctfdf2(long double x)
{
    (void)x;
    nub_trap();
}
