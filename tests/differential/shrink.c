/* shrink.c - the same difference from a smaller case
 *
 * Every step changes one thing and is kept only if the difference stays. Instructions are first
 * overwritten by something harmless of the same length, so that nothing moves; at last what is
 * harmless is taken out and all targets are adjusted, if the difference survives that too.
 */
#include "trace.h"
#include <string.h>

struct shrinker {
    struct nub_case *c;
    bool (*differs)(void *ctx, const struct nub_case *c);
    void *ctx;
    bool changed; /* in this round */
};

static bool
keep_if_it_differs(struct shrinker *s, const struct nub_case *candidate)
{
    if (memcmp(candidate, s->c, sizeof *candidate) == 0 || !s->differs(s->ctx, candidate))
        return false;
    *s->c = *candidate;
    s->changed = true;
    return true;
}

static void
cut_code(struct nub_case *c, uint32_t size)
{
    for (uint32_t i = size; i < c->code_size; i++) {
        c->code[i] = 0;
        c->mask[i / 8] &= (uint8_t) ~(1u << i % 8);
    }
    c->code_size = size;
}

static void
shrink_end(struct shrinker *s)
{
    for (uint32_t cut = s->c->code_size; cut > 0; cut /= 2) {
        struct nub_case candidate = *s->c;
        if (cut > candidate.code_size)
            continue;
        cut_code(&candidate, candidate.code_size - cut);
        keep_if_it_differs(s, &candidate);
    }
}

/* `move_reg ra, ra`, or `fallthrough` where there is one byte only */
static bool
make_harmless(struct nub_case *c, const struct nub_insn *insn)
{
    uint32_t end = insn->next < c->code_size ? insn->next : c->code_size;
    uint32_t size = end - insn->pc;

    if (insn->opcode == NUB_OP_MOVE_REG && c->code[insn->pc + 1] == 0)
        return false;
    memset(c->code + insn->pc, 0, size);
    c->code[insn->pc] = size > 1 ? NUB_OP_MOVE_REG : NUB_OP_FALLTHROUGH;
    return true;
}

static void
shrink_instructions(struct shrinker *s)
{
    for (uint32_t pc = s->c->code_size; pc-- > 0;) {
        struct nub_case candidate = *s->c;
        struct nub_program program = nub_case_program(&candidate);
        struct nub_insn insn;
        if (pc >= candidate.code_size || !nub_program_is_start(&program, pc))
            continue;
        nub_insn_decode(&insn, &program, pc);
        if (make_harmless(&candidate, &insn))
            keep_if_it_differs(s, &candidate);
    }
}

static void
shrink_state(struct shrinker *s)
{
    for (uint32_t i = 0; i < NUB_N_REGS; i++) {
        struct nub_case candidate = *s->c;
        candidate.regs[i] = 0;
        keep_if_it_differs(s, &candidate);
    }
    for (uint32_t i = 0; i < s->c->n_pages; i++) {
        struct nub_case candidate = *s->c;
        memmove(&candidate.pages[i], &candidate.pages[i + 1],
                (candidate.n_pages - i - 1) * sizeof candidate.pages[0]);
        candidate.n_pages--;
        keep_if_it_differs(s, &candidate);
    }
    while (s->c->max_runs > 1) {
        struct nub_case candidate = *s->c;
        candidate.max_runs--;
        if (!keep_if_it_differs(s, &candidate))
            break;
    }
    while (s->c->n_jump > 0) {
        struct nub_case candidate = *s->c;
        candidate.n_jump--;
        memset(candidate.jump_table + 4 * candidate.n_jump, 0, 4);
        if (!keep_if_it_differs(s, &candidate))
            break;
    }
}

/* ---- taking out what is harmless ----------------------------------------------------------- */

/* `also_ends`: even what ends a block */
static bool
is_harmless(const struct nub_insn *insn, bool also_ends)
{
    return (insn->opcode == NUB_OP_MOVE_REG && insn->a == insn->d) ||
           (insn->opcode == NUB_OP_FALLTHROUGH && also_ends);
}

/* where each pc moves to */
static void
map_pcs(const struct nub_case *c, bool also_ends, uint32_t moved[NUB_CASE_MAX_CODE + 1])
{
    struct nub_program program = nub_case_program(c);
    uint32_t to = 0;

    for (uint32_t pc = 0; pc < c->code_size; pc++) {
        struct nub_insn insn;
        uint8_t bytes[NUB_MAX_INSN_SIZE];
        moved[pc] = to;
        if (!nub_program_is_start(&program, pc))
            continue;
        nub_insn_decode(&insn, &program, pc);
        if (!is_harmless(&insn, also_ends))
            to += nub_insn_encode(bytes, &insn, 4);
    }
    moved[c->code_size] = to;
}

static bool
compact(struct nub_case *out, const struct nub_case *c, bool also_ends)
{
    struct nub_program program = nub_case_program(c);
    uint32_t moved[NUB_CASE_MAX_CODE + 1];

    map_pcs(c, also_ends, moved);
    *out = *c;
    cut_code(out, 0);
    for (uint32_t pc = 0; pc < c->code_size; pc++) {
        struct nub_insn insn;
        uint32_t size;
        if (!nub_program_is_start(&program, pc))
            continue;
        nub_insn_decode(&insn, &program, pc);
        if (is_harmless(&insn, also_ends))
            continue;
        if (moved[pc] + NUB_MAX_INSN_SIZE > NUB_CASE_MAX_CODE)
            return false;
        insn.target = insn.target <= c->code_size ? moved[insn.target] : insn.target;
        insn.pc = moved[pc];
        size = nub_insn_encode(out->code + insn.pc, &insn, 4);
        if (size == 0)
            return false;
        out->mask[insn.pc / 8] |= (uint8_t)(1u << insn.pc % 8);
        out->code_size = insn.pc + size;
    }
    for (uint32_t i = 0; i < c->n_jump; i++) {
        uint32_t target = nub_program_jump_entry(&program, i);
        target = target <= c->code_size ? moved[target] : target;
        memcpy(out->jump_table + 4 * i, &target, 4);
    }
    out->pc = c->pc <= c->code_size ? moved[c->pc] : c->pc;
    return true;
}

void
nub_case_shrink(struct nub_case *c, bool (*differs)(void *ctx, const struct nub_case *c), void *ctx)
{
    struct shrinker s = { .c = c, .differs = differs, .ctx = ctx, .changed = true };
    struct nub_case candidate;

    for (uint32_t round = 0; round < 6 && s.changed; round++) {
        s.changed = false;
        shrink_end(&s);
        shrink_instructions(&s);
        shrink_state(&s);
    }
    for (int ends = 0; ends < 2; ends++)
        if (compact(&candidate, c, ends))
            keep_if_it_differs(&s, &candidate);
}
