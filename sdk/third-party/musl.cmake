# The mathematics of long double, from musl: what it has for binary128 with all of its bits. The rest (exp, log, pow and what
# is made of them) it takes from double; those are left out here, so that a program that needs them does not link.
set(musl "${NUB_SOURCES}/musl/src/math")
set(sources)
foreach(function acos asin atan atan2 cbrt ceil copysign cos exp2 fabs fdim floor fma fmax fmin fmod hypot ilogb ldexp
                 llrint llround logb lrint lround modf nan nearbyint nextafter nexttoward rint round
                 scalbln scalbn sin sqrt tan trunc __cos __fpclassify __invtrig __math_invalid __rem_pio2 __signbit __sin __tan)
    list(APPEND sources "${musl}/${function}l.c")
endforeach()
list(APPEND sources "${musl}/nexttoward.c" "${musl}/nexttowardf.c" "${musl}/__rem_pio2_large.c" "${musl}/sqrt_data.c")
# what newlib's answers are not the standard's for: a product rounded before the sum, fdim(-inf, x), tgamma(-0), the
# sign of nextafter(0, -0)
foreach(function fdim fma nextafter tgamma)
    list(APPEND sources "${musl}/${function}.c" "${musl}/${function}f.c")
endforeach()
list(APPEND sources "${musl}/__cos.c" "${musl}/__sin.c")

add_library(nub-libm-long OBJECT ${sources})
# with musl's own headers, as its Makefile makes them; those of arch/generic first: no exceptions and one way of rounding
set(alltypes arch/riscv64/bits/alltypes.h.in include/alltypes.h.in)
file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/musl/bits")
execute_process(COMMAND sed -f tools/mkalltypes.sed ${alltypes} WORKING_DIRECTORY "${NUB_SOURCES}/musl"
                OUTPUT_FILE "${CMAKE_BINARY_DIR}/musl/bits/alltypes.h" COMMAND_ERROR_IS_FATAL ANY)
foreach(directory src/internal src/include arch/generic arch/riscv64 include)
    list(APPEND headers "${NUB_SOURCES}/musl/${directory}")
endforeach()
target_include_directories(nub-libm-long PRIVATE "${CMAKE_BINARY_DIR}/musl" ${headers})
target_sources(nub-libc PRIVATE $<TARGET_OBJECTS:nub-libm-long> "${libc}/remquol.c")
