; gcd(a0, a1), Euclid's way
.image gcd
    .endpoint main, ra=0xffff0000
main:
    branch_eq_imm a1, 0, done
    rem_u_64 t0, a0, a1
    move_reg a0, a1
    move_reg a1, t0
    jump main
done:
    jump_ind ra, 0

.instance it, gcd
