/* start.S - the guest kernel's entry, its fault entry, and its one gate into CPL0
 *
 * Everything here runs at CPL3. The CPL0 stubs that lead to the fault entry are data that the
 * host builds (backends/kvm/boot.c): they load rsp and iretq, nothing else. At a fault every
 * register but rax is the program's, rsp is the lane's fault stack, and gs its context. */
#include "context.h"
#include "guest-abi.h"

    .section .note.nub, "a", @note
    .balign 4
    .long 4, 16, NUB_GUEST_NOTE_TYPE
    .asciz "nub"
    .long NUB_GUEST_ABI_VERSION, 0
    .quad nub_guest_faults

    .text
    .globl nub_guest_start
    .type nub_guest_start, @function
nub_guest_start: /* (lane) on the lane's stack, gs set, by the host */
    xor %ebp, %ebp
    call nub_guest_main
    ud2
    .size nub_guest_start, . - nub_guest_start

/* One entry of 16 bytes for each vector. */
    .balign 16
    .globl nub_guest_faults
nub_guest_faults:
    .set vector, 0
    .rept NUB_GUEST_VECTORS
    .balign 16
    movb $vector, %gs:CONTEXT_VECTOR
    jmp fault
    .set vector, vector + 1
    .endr

fault:
    mov %rax, %gs:CONTEXT_RAX
    mov %rbx, %gs:CONTEXT_RBX
    mov %rcx, %gs:CONTEXT_RCX
    mov %rdx, %gs:CONTEXT_RDX
    mov %rsi, %gs:CONTEXT_RSI
    mov %rdi, %gs:CONTEXT_RDI
    mov %rbp, %gs:CONTEXT_RBP
    mov %r8, %gs:CONTEXT_R8
    mov %r9, %gs:CONTEXT_R9
    mov %r10, %gs:CONTEXT_R10
    mov %r11, %gs:CONTEXT_R11
    mov %r12, %gs:CONTEXT_R12
    mov %r13, %gs:CONTEXT_R13
    mov %r14, %gs:CONTEXT_R14
    mov %r15, %gs:CONTEXT_R15
    cld
    mov %gs:CONTEXT_SELF, %rdi
    call nub_guest_fault /* returns when the program can go on, perhaps elsewhere */

    mov %gs:CONTEXT_RFLAGS, %rax
    push %rax
    popfq
    mov %gs:CONTEXT_RAX, %rax
    mov %gs:CONTEXT_RBX, %rbx
    mov %gs:CONTEXT_RCX, %rcx
    mov %gs:CONTEXT_RDX, %rdx
    mov %gs:CONTEXT_RSI, %rsi
    mov %gs:CONTEXT_RDI, %rdi
    mov %gs:CONTEXT_RBP, %rbp
    mov %gs:CONTEXT_R8, %r8
    mov %gs:CONTEXT_R9, %r9
    mov %gs:CONTEXT_R10, %r10
    mov %gs:CONTEXT_R11, %r11
    mov %gs:CONTEXT_R12, %r12
    mov %gs:CONTEXT_R13, %r13
    mov %gs:CONTEXT_R14, %r14
    mov %gs:CONTEXT_R15, %r15
    mov %gs:CONTEXT_RSP, %rsp
    jmp *%gs:CONTEXT_RIP

/* void nub_guest_set_root(uint64_t root): the one gate into CPL0; the stub loads cr3 from rax. */
    .balign 16
    .globl nub_guest_set_root
    .type nub_guest_set_root, @function
nub_guest_set_root:
    mov %rdi, %rax
    int3
    ret
    .size nub_guest_set_root, . - nub_guest_set_root

    .section .note.GNU-stack, "", @progbits
