/* stdarg.h - arguments of unknown number, for a stack that is aligned to 8 bytes
 *
 * lp64e aligns the stack to 8 bytes, and clang 19 passes an unnamed argument that is aligned to 16 (long double,
 * __int128) in an even register or at an even slot: even as counted from the stack pointer at entry. Its own va_arg counts
 * from address 0, and reads the wrong slots wherever the caller's frame is an odd number of slots deep. So the lowest bit of
 * a va_list says here whether the stack pointer at entry was odd (decision 0075).
 */
#if !defined(__riscv)
#include_next <stdarg.h>
#else

#ifndef NUB_VA_LIST
#define NUB_VA_LIST
typedef __builtin_va_list __gnuc_va_list;
#endif
#undef __need___va_list /* a header of the C library wants no more than this type */

#ifndef NUB_STDARG_H
#define NUB_STDARG_H

typedef __builtin_va_list va_list;

/* the frame's address is the stack pointer at entry less a multiple of 16 */
#define va_start(list, last) \
    (__builtin_va_start(list, last), \
     (void)((list) = (va_list)((__UINTPTR_TYPE__)(list) | ((__UINTPTR_TYPE__)__builtin_frame_address(0) >> 3 & 1))))
#define va_end(list) __builtin_va_end(list)
#define va_copy(to, from) ((void)((to) = (from)))
#define __va_copy(to, from) va_copy(to, from)

/* what is larger than 16 bytes is passed by its address */
#define va_arg(list, type) \
    (*__extension__({ \
        __UINTPTR_TYPE__ nub_at_ = (__UINTPTR_TYPE__)(list); \
        if (_Alignof(__typeof__(type)) > 8 && sizeof(__typeof__(type)) <= 16 && ((nub_at_ >> 3 ^ nub_at_) & 1)) \
            nub_at_ += 8; \
        (list) = (va_list)(nub_at_ + (sizeof(__typeof__(type)) > 16 ? 8 : (sizeof(__typeof__(type)) + 7) / 8 * 8)); \
        void *nub_slot_ = (void *)(nub_at_ & ~(__UINTPTR_TYPE__)7); \
        (__typeof__(type) *)(sizeof(__typeof__(type)) > 16 ? *(void **)nub_slot_ : nub_slot_); \
    }))

#endif
#endif
