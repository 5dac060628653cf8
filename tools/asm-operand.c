/* asm-operand.c - reading the parts of a statement: names, numbers, registers, targets */
#include "asm-private.h"

#include <string.h>

const struct asm_token *
asm_peek(const struct asm_state *state)
{
    return &g_array_index(state->tokens, struct asm_token, state->next);
}

const struct asm_token *
asm_next(struct asm_state *state)
{
    const struct asm_token *token = asm_peek(state);

    if (token->kind != ASM_END)
        state->next++;
    return token;
}

struct asm_place
asm_here(const struct asm_state *state)
{
    return (struct asm_place){ state->line, asm_peek(state)->column };
}

gboolean
asm_accept(struct asm_state *state, char punct)
{
    const struct asm_token *token = asm_peek(state);

    if (token->kind != ASM_PUNCT || token->number != (guint8)punct)
        return FALSE;
    state->next++;
    return TRUE;
}

gboolean
asm_accept_name(struct asm_state *state, const char *name)
{
    const struct asm_token *token = asm_peek(state);

    if (token->kind != ASM_NAME || strcmp(token->text, name) != 0)
        return FALSE;
    state->next++;
    return TRUE;
}

gboolean
asm_expect(struct asm_state *state, char punct)
{
    return asm_accept(state, punct) || asm_fail_here(state, "expected '%c' here", punct);
}

gboolean
asm_expect_end(struct asm_state *state)
{
    return asm_peek(state)->kind == ASM_END ||
           asm_fail_here(state, "the statement should end here");
}

gboolean
asm_read_name(struct asm_state *state, const char *what, const char **name)
{
    if (asm_peek(state)->kind != ASM_NAME)
        return asm_fail_here(state, "expected %s here", what);
    if (asm_register(asm_peek(state)->text) >= 0)
        return asm_fail_here(state, "'%s' is a register, not %s", asm_peek(state)->text, what);
    *name = asm_next(state)->text;
    return TRUE;
}

/* one term of a sum, after its sign */
static gboolean
read_term(struct asm_state *state, struct asm_value *value, gboolean is_negative)
{
    struct asm_place place = asm_here(state);
    gboolean is_code_address = asm_accept(state, '@');
    const struct asm_token *token = asm_peek(state);
    guint64 *constant = NULL;

    if (token->kind == ASM_NUMBER && !is_code_address) {
        value->number += is_negative ? -token->number : token->number;
        asm_next(state);
        return TRUE;
    }
    if (token->kind != ASM_NAME)
        return asm_fail_here(state, "expected %s here", is_code_address ? "a label" : "a number");
    if (asm_register(token->text) >= 0)
        return asm_fail_here(state, "expected a number here, not the register '%s'", token->text);
    if (!is_code_address)
        constant = g_hash_table_lookup(state->constants, token->text);
    if (constant) {
        value->number += is_negative ? -*constant : *constant;
        asm_next(state);
        return TRUE;
    }
    if (is_negative)
        return asm_fail(state, place, "the address of '%s' cannot be subtracted", token->text);
    if (value->symbol)
        return asm_fail(state, place, "a second address in one sum");
    value->symbol = token->text;
    value->is_code_address = is_code_address;
    value->place = place;
    asm_next(state);
    return TRUE;
}

gboolean
asm_read_value(struct asm_state *state, struct asm_value *value)
{
    gboolean is_negative;

    *value = (struct asm_value){ .place = asm_here(state) };
    is_negative = asm_accept(state, '-');
    do {
        if (!read_term(state, value, is_negative))
            return FALSE;
        is_negative = asm_accept(state, '-');
    } while (is_negative || asm_accept(state, '+'));
    return TRUE;
}

gboolean
asm_read_number(struct asm_state *state, const char *what, guint64 max, guint64 *number)
{
    struct asm_value value;

    if (!asm_read_value(state, &value))
        return FALSE;
    if (value.symbol) {
        g_autofree char *hint = asm_suggest_key(value.symbol, state->constants);
        return asm_fail(state, value.place, "unknown constant '%s'%s", value.symbol, hint);
    }
    if (value.number > max)
        return asm_fail(state, value.place,
                        "%s 0x%" G_GINT64_MODIFIER "x is more than 0x%" G_GINT64_MODIFIER "x", what,
                        value.number, max);
    *number = value.number;
    return TRUE;
}

gint
asm_register(const char *name)
{
    for (gint i = 0; i < NUB_N_REGS; i++)
        if (strcmp(name, nub_reg_names[i]) == 0)
            return i;
    if (name[0] == 'r' && g_ascii_isdigit(name[1])) {
        char *end = NULL;
        guint64 number = g_ascii_strtoull(name + 1, &end, 10);
        if (*end == '\0' && number < NUB_N_REGS && (name[1] != '0' || name[2] == '\0'))
            return (gint)number;
    }
    return -1;
}

static const char *
nth_register(gconstpointer ctx, guint i)
{
    (void)ctx;
    return nub_reg_names[i];
}

gboolean
asm_read_register(struct asm_state *state, guint8 *reg)
{
    const struct asm_token *token = asm_peek(state);
    gint number = token->kind == ASM_NAME ? asm_register(token->text) : -1;

    if (number < 0) {
        g_autofree char *hint = token->kind == ASM_NAME
                                    ? asm_suggest(token->text, NUB_N_REGS, nth_register, NULL)
                                    : g_strdup("");
        return asm_fail_here(state, "expected a register here%s", hint);
    }
    *reg = (guint8)number;
    asm_next(state);
    return TRUE;
}

gboolean
asm_read_cap(struct asm_state *state, struct asm_cap_ref *ref)
{
    const struct asm_token *token = asm_peek(state);

    *ref = (struct asm_cap_ref){ .place = asm_here(state) };
    if (token->kind == ASM_HASH)
        ref->hash = token->hash;
    else if (token->kind == ASM_NAME)
        ref->name = token->text;
    else
        return asm_fail_here(
            state, "expected the name of a capability, or a hash of 64 hex digits after 0x");
    asm_next(state);
    return TRUE;
}

gboolean
asm_read_target(struct asm_state *state, struct asm_image *image, struct asm_target *target)
{
    *target = (struct asm_target){ .label = ASM_NO_LABEL, .place = asm_here(state) };
    const struct asm_token *token = asm_peek(state);
    if (token->kind == ASM_NAME && asm_register(token->text) < 0 &&
        !g_hash_table_contains(state->constants, token->text)) {
        target->label = asm_find_label(image, token->text);
        struct asm_label *label = asm_label(&image->code, target->label);
        if (label->used.line == 0)
            label->used = target->place;
        asm_next(state);
        return TRUE;
    }
    return asm_read_number(state, "the target", G_MAXUINT64, &target->number);
}
