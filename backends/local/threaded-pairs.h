/* threaded-pairs.h - handlers that execute two operations: the pairs of fusions.def in all their forms
 *
 * Included by threaded.h. A pair saves a dispatch; its operations stay as they are, so that a fault, or a
 * run that was interrupted there, finds the second one in its place.
 */
#define FINISH_ALU(NAME, FORM, o)                                                                  \
    DO_ALU(NAME, FORM, o, none);                                                                   \
    NEXT_OF(o)
#define FINISH_LOAD(NAME, FORM, o)                                                                 \
    DO_LOAD(NAME, FORM, o, second);                                                                \
    NEXT_OF(o)
#define FINISH_STORE(NAME, FORM, o)                                                                \
    DO_STORE(NAME, FORM, o, second);                                                               \
    NEXT_OF(o)
#define FINISH_RR(NAME, FORM, o) DO_BRANCH(NAME, FORM, o)
#define FINISH_RI(NAME, FORM, o) DO_BRANCH(NAME, FORM, o)

#define PAIR_NAME(KIND1, NAME1, FORM1, KIND2, NAME2, FORM2)                                        \
    pair_##KIND1##_##NAME1##_##FORM1##_##KIND2##_##NAME2##_##FORM2
#define PAIR(KIND1, NAME1, FORM1, KIND2, NAME2, FORM2)                                             \
    static void PAIR_NAME(KIND1, NAME1, FORM1, KIND2, NAME2, FORM2)(PARAMETERS)                    \
    {                                                                                              \
        DO_##KIND1(NAME1, FORM1, ip, first);                                                       \
        FINISH_##KIND2(NAME2, FORM2, ip + 1);                                                      \
    first:                                                                                         \
        __attribute__((unused));                                                                   \
        CALL_NEXT(fault, ip);                                                                      \
    second:                                                                                        \
        __attribute__((unused));                                                                   \
        CALL_NEXT(fault, ip + 1);                                                                  \
    }
#define PAIR_FORMS(KIND1, NAME1, FORM1, KIND2, NAME2)                                              \
    PAIR(KIND1, NAME1, FORM1, KIND2, NAME2, N)                                                     \
    PAIR(KIND1, NAME1, FORM1, KIND2, NAME2, A)                                                     \
    PAIR(KIND1, NAME1, FORM1, KIND2, NAME2, B)
#define NUB_FUSE(KIND1, NAME1, KIND2, NAME2)                                                       \
    PAIR_FORMS(KIND1, NAME1, N, KIND2, NAME2)                                                      \
    PAIR_FORMS(KIND1, NAME1, A, KIND2, NAME2)                                                      \
    PAIR_FORMS(KIND1, NAME1, B, KIND2, NAME2)
#include "fusions.def"
#undef NUB_FUSE

#define OPCODE_ALU(NAME)   NUB_OP_##NAME
#define OPCODE_LOAD(NAME)  NUB_OP_LOAD_IND_##NAME
#define OPCODE_STORE(NAME) NUB_OP_STORE_IND_##NAME
#define OPCODE_RR(NAME)    NUB_OP_##NAME
#define OPCODE_RI(NAME)    NUB_OP_##NAME

/* by the form of the first operation and of the second */
typedef const nub_handler pair_forms[NUB_N_LAST][NUB_N_LAST];

static nub_handler
fused(unsigned first, enum nub_from_last first_form, unsigned second,
      enum nub_from_last second_form)
{
#define PAIR_ROW(KIND1, NAME1, FORM1, KIND2, NAME2)                                                \
    {                                                                                              \
        PAIR_NAME(KIND1, NAME1, FORM1, KIND2, NAME2, N),                                           \
            PAIR_NAME(KIND1, NAME1, FORM1, KIND2, NAME2, A),                                       \
            PAIR_NAME(KIND1, NAME1, FORM1, KIND2, NAME2, B),                                       \
    }
    switch (first << 8 | second) {
#define NUB_FUSE(KIND1, NAME1, KIND2, NAME2)                                                       \
    case OPCODE_##KIND1(NAME1) << 8 | OPCODE_##KIND2(NAME2): {                                     \
        static pair_forms forms = { PAIR_ROW(KIND1, NAME1, N, KIND2, NAME2),                       \
                                    PAIR_ROW(KIND1, NAME1, A, KIND2, NAME2),                       \
                                    PAIR_ROW(KIND1, NAME1, B, KIND2, NAME2) };                     \
        return forms[first_form][second_form];                                                     \
    }
#include "fusions.def"
#undef NUB_FUSE
    default:
        return NULL;
    }
}
