/* fesetround.c - there is one way of rounding; newlib's says yes to all */
#include <fenv.h>

int
fesetround(int direction)
{
    return direction != FE_TONEAREST;
}
