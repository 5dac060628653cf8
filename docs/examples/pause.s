; Adds 1, asks host call 100, which nobody answers, and adds 10 when it is resumed.
.image pause
    .endpoint main, ra=0xffff0000
main:
    add_imm_64 a0, a0, 1
    ecalli 100
    add_imm_64 a0, a0, 10
    jump_ind ra, 0

.instance it, pause
