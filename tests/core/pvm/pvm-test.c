/* pvm-test.c - programs for the tests of core/pvm: written down, and random ones */
#include "pvm-test.h"

static void
set_start(GByteArray *mask, guint32 i)
{
    mask->data[i / 8] |= (guint8)(1 << i % 8);
}

static void
grow_mask(PvmTestProgram *self)
{
    guint32 old = self->mask->len, want = (self->code->len + 7) / 8;

    if (want > old) {
        g_byte_array_set_size(self->mask, want);
        memset(self->mask->data + old, 0, want - old);
    }
}

static void
init(PvmTestProgram *self)
{
    self->code = g_byte_array_new();
    self->mask = g_byte_array_new();
    self->jump_table = g_byte_array_new();
}

static void
finish(PvmTestProgram *self)
{
    grow_mask(self);
    self->program = (struct nub_program){ .code = self->code->data,
                                          .code_size = self->code->len,
                                          .mask = self->mask->data,
                                          .jump_table = self->jump_table->data,
                                          .n_jump = self->jump_table->len / 4,
                                          .jump_width = 4 };
}

static void
append(PvmTestProgram *self, const guint8 *bytes, guint32 size)
{
    guint32 at = self->code->len;

    g_byte_array_append(self->code, bytes, size);
    grow_mask(self);
    set_start(self->mask, at);
}

GByteArray *
pvm_test_bytes(const char *hex)
{
    GByteArray *bytes = g_byte_array_new();

    for (; *hex != '\0'; hex++) {
        if (*hex == ' ')
            continue;
        guint8 byte = (guint8)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));
        g_byte_array_append(bytes, &byte, 1);
        hex++;
    }
    return bytes;
}

void
pvm_test_program_from_text(PvmTestProgram *self, const char *text)
{
    g_auto(GStrv) instructions = g_strsplit(text, "/", -1);

    init(self);
    for (char **instruction = instructions; *instruction; instruction++) {
        g_autoptr(GByteArray) bytes = pvm_test_bytes(*instruction);
        if (bytes->len > 0)
            append(self, bytes->data, bytes->len);
    }
    finish(self);
}

void
pvm_test_program_clear(PvmTestProgram *self)
{
    g_clear_pointer(&self->code, g_byte_array_unref);
    g_clear_pointer(&self->mask, g_byte_array_unref);
    g_clear_pointer(&self->jump_table, g_byte_array_unref);
}

static guint64
random_u64(GRand *rand)
{
    return (guint64)g_rand_int(rand) << 32 | g_rand_int(rand);
}

/* values of every length, and those at the edges */
static guint64
random_value(GRand *rand)
{
    static const gint64 edges[] = { 0,        1,         -1,        127,        128,       -128,
                                    -129,     32767,     32768,     -32768,     -32769,    0x7fffff,
                                    0x800000, -0x800000, -0x800001, G_MAXINT32, G_MININT32 };

    if (g_rand_boolean(rand))
        return (guint64)edges[g_rand_int_range(rand, 0, G_N_ELEMENTS(edges))];
    return (guint64)(gint64)(gint32)g_rand_int(rand) >> (8 * g_rand_int_range(rand, 0, 4));
}

void
pvm_test_random_insn(struct nub_insn *insn, GRand *rand, guint32 pc)
{
    guint8 a = (guint8)g_rand_int_range(rand, 0, NUB_N_REGS);
    guint8 b = (guint8)g_rand_int_range(rand, 0, NUB_N_REGS);
    guint8 d = (guint8)g_rand_int_range(rand, 0, NUB_N_REGS);
    guint64 x = (guint64)(gint64)(gint32)random_value(rand);
    guint64 y = (guint64)(gint64)(gint32)random_value(rand);

    *insn = (struct nub_insn){ .pc = pc };
    do
        insn->opcode = (guint8)g_rand_int_range(rand, 0, 256);
    while (!nub_isa[insn->opcode].mnemonic);
    switch ((enum nub_arg_class)nub_isa[insn->opcode].arg_class) {
    case NUB_ARG_N:
        break;
    case NUB_ARG_I:
        insn->x = x;
        break;
    case NUB_ARG_RX:
        insn->a = a;
        insn->x = random_u64(rand);
        break;
    case NUB_ARG_II:
        insn->x = x;
        insn->y = y;
        break;
    case NUB_ARG_O:
        insn->target = pc + x;
        break;
    case NUB_ARG_RI:
        insn->a = a;
        insn->x = x;
        break;
    case NUB_ARG_RII:
        insn->a = a;
        insn->x = x;
        insn->y = y;
        break;
    case NUB_ARG_RIO:
        insn->a = a;
        insn->x = x;
        insn->target = pc + y;
        break;
    case NUB_ARG_RR:
        insn->a = a;
        insn->d = d;
        break;
    case NUB_ARG_RRI:
        insn->a = a;
        insn->b = b;
        insn->x = x;
        break;
    case NUB_ARG_RRO:
        insn->a = a;
        insn->b = b;
        insn->target = pc + x;
        break;
    case NUB_ARG_RRII:
        insn->a = a;
        insn->b = b;
        insn->x = x;
        insn->y = y;
        break;
    case NUB_ARG_RRR:
        insn->a = a;
        insn->b = b;
        insn->d = d;
        break;
    }
}

static void
random_table(PvmTestProgram *self, GRand *rand, guint32 size)
{
    for (guint32 n = (guint32)g_rand_int_range(rand, 0, 20); n > 0; n--) {
        guint8 entry[4];
        nub_put_le32(entry, g_rand_int(rand) % (size + 2));
        g_byte_array_append(self->jump_table, entry, 4);
    }
}

void
pvm_test_program_random_code(PvmTestProgram *self, GRand *rand, guint32 size)
{
    init(self);
    while (self->code->len < size) {
        guint8 bytes[NUB_MAX_INSN_SIZE + 16];
        struct nub_insn insn;
        pvm_test_random_insn(&insn, rand, self->code->len);
        guint32 n = nub_insn_encode(bytes, &insn, (guint32)g_rand_int_range(rand, 0, 5));
        g_assert_cmpuint(n, >, 0);
        /* now and then: a longer one, an unknown opcode, any byte */
        if (g_rand_int_range(rand, 0, 8) == 0)
            for (gint32 more = g_rand_int_range(rand, 0, 16); more > 0; more--)
                bytes[n++] = (guint8)g_rand_int(rand);
        if (g_rand_int_range(rand, 0, 40) == 0)
            bytes[0] = (guint8)g_rand_int(rand);
        if (g_rand_int_range(rand, 0, 40) == 0)
            bytes[g_rand_int_range(rand, 0, (gint32)n)] = (guint8)g_rand_int(rand);
        append(self, bytes, n);
    }
    random_table(self, rand, size);
    finish(self);
}

void
pvm_test_program_random_bytes(PvmTestProgram *self, GRand *rand, guint32 size, guint32 density)
{
    init(self);
    for (guint32 i = 0; i < size; i++) {
        guint8 byte = (guint8)g_rand_int(rand);
        g_byte_array_append(self->code, &byte, 1);
    }
    grow_mask(self);
    for (guint32 i = 0; i < size; i++)
        if ((guint32)g_rand_int_range(rand, 0, 256) < density)
            set_start(self->mask, i);
    random_table(self, rand, size);
    finish(self);
}
