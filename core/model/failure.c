/* failure.c - status names and texts, and the filling-in of struct nub_failure
 *
 * The only formatter of the freestanding code: a handful of conversions into a buffer of the
 * caller, no allocation, no libc. It never writes beyond failure->struct_size, because the
 * caller may have been compiled against an older header.
 */
#include "failure.h"
#include "mem.h"

struct status {
    int32_t number;
    const char *name;
    const char *text;
};

static const struct status statuses[] = {
    { NUB_OK, "OK", "success" },
#define NUB_STATUS(name, number, text) { number, #name, text },
#include <nub/status.def>
};

#define N_STATUSES (sizeof statuses / sizeof statuses[0])

static const struct status *
find_status(int32_t number)
{
    for (size_t i = 0; i < N_STATUSES; i++)
        if (statuses[i].number == number)
            return &statuses[i];
    return NULL;
}

const char *
nub_status_name(int32_t status)
{
    const struct status *found = find_status(status);

    return found ? found->name : "UNKNOWN";
}

const char *
nub_status_text(int32_t status)
{
    const struct status *found = find_status(status);

    return found ? found->text : "unknown status";
}

bool
nub_status_is_host_side(int32_t status)
{
    switch (status) {
    case NUB_ERR_NO_SPACE:
    case NUB_ERR_NO_MEMORY:
    case NUB_ERR_TIMED_OUT:
    case NUB_ERR_CANCELLED:
    case NUB_ERR_GUEST_CORRUPT:
    case NUB_ERR_GUEST_LOST:
    case NUB_ERR_UNAVAILABLE:
    case NUB_ERR_SYSTEM:
        return true;
    default:
        return false;
    }
}

static bool
same_string(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

int32_t
nub_status_from_name(const char *name)
{
    for (size_t i = 0; name && i < N_STATUSES; i++)
        if (same_string(statuses[i].name, name))
            return statuses[i].number;
    return -1;
}

/* What is left of a message: `end` is where the NUL must go at the latest. */
struct text {
    char *at;
    char *end;
};

static void
add_char(struct text *text, char c)
{
    if (text->at < text->end)
        *text->at++ = c;
}

static void
add_string(struct text *text, const char *string)
{
    for (string = string ? string : "(null)"; *string; string++)
        add_char(text, *string);
}

static void
add_number(struct text *text, uint64_t x, unsigned base)
{
    char digits[20]; /* 2^64 has 20 decimal digits */
    unsigned n = 0;

    do {
        digits[n++] = "0123456789abcdef"[x % base];
        x /= base;
    } while (x);
    while (n)
        add_char(text, digits[--n]);
}

static void
add_hex(struct text *text, uint64_t x)
{
    add_string(text, "0x");
    add_number(text, x, 16);
}

static void
add_signed(struct text *text, int32_t x)
{
    if (x < 0)
        add_char(text, '-');
    add_number(text, x < 0 ? 0 - (uint64_t)(int64_t)x : (uint64_t)x, 10);
}

static void
add_hash(struct text *text, const struct nub_hash *hash)
{
    for (unsigned i = 0; i < sizeof hash->bytes; i++) {
        add_char(text, "0123456789abcdef"[hash->bytes[i] >> 4]);
        add_char(text, "0123456789abcdef"[hash->bytes[i] & 15]);
    }
}

static void
format_message(char *message, size_t size, const char *format, va_list args)
{
    struct text text = { message, message + size - 1 };

    for (; *format; format++) {
        if (*format != '%') {
            add_char(&text, *format);
            continue;
        }
        switch (*++format) {
        case 's':
            add_string(&text, va_arg(args, const char *));
            break;
        case 'u':
            add_number(&text, va_arg(args, uint32_t), 10);
            break;
        case 'd':
            add_signed(&text, va_arg(args, int32_t));
            break;
        case 'U':
            add_number(&text, va_arg(args, uint64_t), 10);
            break;
        case 'x':
            add_hex(&text, va_arg(args, uint32_t));
            break;
        case 'X':
            add_hex(&text, va_arg(args, uint64_t));
            break;
        case 'h':
            add_hash(&text, va_arg(args, const struct nub_hash *));
            break;
        case '\0':
            format--; /* a lone '%' at the end: stop at the NUL */
            break;
        default:
            add_char(&text, *format); /* "%%" */
            break;
        }
    }
    *text.at = '\0';
}

/* Is `member` of the caller's struct nub_failure there? */
#define HAS(failure, member)                                                                       \
    ((failure)->struct_size >= offsetof(struct nub_failure, member) + sizeof(failure)->member)

enum nub_status
nub_failv(struct nub_failure *failure, enum nub_status status, const char *format, va_list args)
{
    if (!failure)
        return status;
    if (HAS(failure, code))
        failure->code = (int32_t)status;
    if (HAS(failure, hash))
        memset(&failure->hash, 0, sizeof failure->hash);
    if (HAS(failure, address))
        failure->address = 0;
    if (failure->struct_size > offsetof(struct nub_failure, message)) {
        size_t room = failure->struct_size - offsetof(struct nub_failure, message);

        if (room > sizeof failure->message)
            room = sizeof failure->message;
        format_message(failure->message, room, format, args);
    }
    return status;
}

enum nub_status
nub_fail(struct nub_failure *failure, enum nub_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    nub_failv(failure, status, format, args);
    va_end(args);
    return status;
}

enum nub_status
nub_fail_hash(struct nub_failure *failure, enum nub_status status, const struct nub_hash *hash,
              const char *format, ...)
{
    struct nub_hash named = *hash; /* it may lie in what the message is written to */
    va_list args;

    va_start(args, format);
    nub_failv(failure, status, format, args);
    va_end(args);
    if (failure && HAS(failure, hash))
        failure->hash = named;
    return status;
}

enum nub_status
nub_fail_at(struct nub_failure *failure, enum nub_status status, uint64_t address,
            const char *format, ...)
{
    va_list args;

    va_start(args, format);
    nub_failv(failure, status, format, args);
    va_end(args);
    if (failure && HAS(failure, address))
        failure->address = address;
    return status;
}

enum nub_status
nub_failure_copy(struct nub_failure *to, const struct nub_failure *from)
{
    if (!to)
        return (enum nub_status)from->code;
    uint32_t size = to->struct_size < sizeof *to ? to->struct_size : (uint32_t)sizeof *to;

    if (size > sizeof to->struct_size)
        memcpy((char *)to + sizeof to->struct_size, (const char *)from + sizeof from->struct_size,
               size - sizeof to->struct_size);
    if (size < sizeof *to && size > offsetof(struct nub_failure, message))
        ((char *)to)[size - 1] = '\0';
    return (enum nub_status)from->code;
}
