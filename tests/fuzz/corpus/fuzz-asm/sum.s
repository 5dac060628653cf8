; sum.s - sums 5..1
.equ STACK, 0x20000
.endpoint sum, ra=HALT_ADDRESS, sp=STACK + 16
.endpoint other
.map STACK, 4KiB
.map 0x10000, pinned greeting
.map 0x12000, 8KiB, initial greeting

sum:
    load_imm a0, 0
    load_imm a1, 5
    load_imm a2, world
    load_imm t0, @other
    fallthrough
loop:
    add_64 a0, a0, a1
    add_imm_64 a1, a1, -1
    branch_ne_imm a1, 0, loop
    store_ind_u64 a0, [sp - 8]
    load_u8 a3, [greeting + 1]
    jump_ind ra
other: ecalli 7
    load_imm_64 a5, 'A'
    store_imm_u32 [0xFEFF0000], 0xFFFFFFFF
    jump loop

.data greeting
    .ascii "hello, "
world:
    .asciz "world\n"
    .align 8
    .u32 1, -2, 0xffffffff, @other, @loop
    .u64 greeting
.instance
    .mem_size 64KiB
    .overlay 0x3000
    .u8 1
