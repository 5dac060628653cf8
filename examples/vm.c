/* vm.c - an interpreter of a small byte code, running the longest Collatz sequence below 3000
 *
 * A machine inside the machine: fetch, switch, eight registers. Instructions are four bytes:
 * operation, two registers, and a third register, a number or a jump distance.
 */
#include "example.h"

enum op {
    HALT,
    SET,
    MOVE,
    ADD,
    ADD_NUMBER,
    MULTIPLY_NUMBER,
    HALVE,
    JUMP,
    IF_ODD,
    IF_LESS,
    IF_EQUAL_NUMBER,
    N_OPS
};

struct insn {
    uint8_t op, a, b;
    int8_t c;
};

/* r0: n, r1: limit, r2: x, r3: steps, r4: best steps, r5: best n */
static const struct insn program[] = {
    { IF_LESS, 0, 1, 2 },         /*  0: while n < limit */
    { HALT, 0, 0, 0 },            /*  1 */
    { MOVE, 2, 0, 0 },            /*  2: x = n */
    { SET, 3, 0, 0 },             /*  3: steps = 0 */
    { IF_EQUAL_NUMBER, 2, 1, 8 }, /*  4: while x != 1 */
    { ADD_NUMBER, 3, 0, 1 },      /*  5: steps++ */
    { IF_ODD, 2, 0, 3 },          /*  6 */
    { HALVE, 2, 0, 0 },           /*  7: x /= 2 */
    { JUMP, 0, 0, -4 },           /*  8 */
    { MULTIPLY_NUMBER, 2, 0, 3 }, /*  9: x = 3 x + 1 */
    { ADD_NUMBER, 2, 0, 1 },      /* 10 */
    { JUMP, 0, 0, -7 },           /* 11 */
    { IF_LESS, 3, 4, 3 },         /* 12: if steps >= best */
    { MOVE, 4, 3, 0 },            /* 13: remember */
    { MOVE, 5, 0, 0 },            /* 14 */
    { ADD_NUMBER, 0, 0, 1 },      /* 15: n++ */
    { JUMP, 0, 0, -16 },          /* 16 */
};

static uint64_t
interpret(uint64_t r[8])
{
    const struct insn *pc = program;

    for (;; pc++) {
        switch ((enum op)pc->op) {
        case HALT:
            return r[5] << 32 | r[4];
        case SET:
            r[pc->a] = (uint64_t)pc->c;
            break;
        case MOVE:
            r[pc->a] = r[pc->b];
            break;
        case ADD:
            r[pc->a] = r[pc->b] + r[pc->c & 7];
            break;
        case ADD_NUMBER:
            r[pc->a] += (uint64_t)(int64_t)pc->c;
            break;
        case MULTIPLY_NUMBER:
            r[pc->a] *= (uint64_t)(int64_t)pc->c;
            break;
        case HALVE:
            r[pc->a] >>= 1;
            break;
        case JUMP:
            pc += pc->c - 1;
            break;
        case IF_ODD:
            pc += r[pc->a] & 1 ? pc->c - 1 : 0;
            break;
        case IF_LESS:
            pc += r[pc->a] < r[pc->b] ? pc->c - 1 : 0;
            break;
        case IF_EQUAL_NUMBER:
            pc += r[pc->a] == pc->b ? pc->c - 1 : 0;
            break;
        case N_OPS:
            return 0;
        }
    }
}

static uint64_t
example(uint64_t seed)
{
    uint64_t r[8] = { 1 + seed % 7, 3000 };

    return interpret(r);
}
