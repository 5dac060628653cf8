/* ledger.c - accounts and transfers: a program whose state lives in its successors
 *
 *     nub cc examples/ledger.c -o ledger.nub     endpoints by name: apply 0, balance 1, found 2,
 * total 3
 *
 * found() gives every account the same amount. apply() takes a block of transfers as its input, one
 * line each: FROM TO AMOUNT. A transfer that its account cannot pay is counted and left out; a
 * block with a line that is none traps, so that nothing of it is committed. Each block is chained
 * to the ones before it by SHA-256, which the host computes. The state root of a block is the hash
 * of the successor: equal blocks give equal roots on every backend.
 */
#include <nub-host.h>

#define N_ACCOUNTS 4096u

struct ledger {
    uint64_t height; /* blocks so far */
    uint64_t applied, refused;
    uint8_t chain[32]; /* SHA-256 of the chain before and the last block's digest */
    uint64_t balance[N_ACCOUNTS];
};

static struct ledger ledger;

/* ---- a block, as text -------------------------------------------------------------------------
 */

struct reader {
    const char *at, *end;
};

/* A decimal number and the byte behind it, which must be `stop`. */
static uint64_t
read_number(struct reader *reader, char stop)
{
    uint64_t number = 0;
    const char *start = reader->at;

    for (; reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9'; reader->at++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*reader->at - '0'), &number))
            nub_trap();
    }
    if (reader->at == start || reader->at == reader->end || *reader->at != stop)
        nub_trap();
    reader->at++;
    return number;
}

static uint64_t
read_account(struct reader *reader)
{
    uint64_t account = read_number(reader, ' ');

    if (account >= N_ACCOUNTS)
        nub_trap();
    return account;
}

/* ---- transitions ------------------------------------------------------------------------------
 */

/* Whether the account could pay. No sum overflows: found() has bounded the total. */
static uint64_t
transfer(uint64_t from, uint64_t to, uint64_t amount)
{
    if (ledger.balance[from] < amount)
        return 0;
    ledger.balance[from] -= amount;
    ledger.balance[to] += amount;
    return 1;
}

static void
extend_chain(const char *block, uint64_t size)
{
    uint8_t link[64];

    __builtin_memcpy(link, ledger.chain, 32);
    if (nub_host_sha_256(link + 32, block, size) != 0 ||
        nub_host_sha_256(ledger.chain, link, sizeof link) != 0)
        nub_trap();
}

/** Applies a block; the number of transfers that went through. */
NUB_EXPORT uint64_t
apply(const char *block, uint64_t size)
{
    struct reader reader = { block, block + size };
    uint64_t applied = 0, seen = 0;

    extend_chain(block, size);
    for (; reader.at < reader.end; seen++) {
        uint64_t from = read_account(&reader);
        uint64_t to = read_account(&reader);
        applied += transfer(from, to, read_number(&reader, '\n'));
    }
    ledger.height++;
    ledger.applied += applied;
    ledger.refused += seen - applied;
    return applied;
}

/** Gives every account `amount`, once; the number of accounts. */
NUB_EXPORT uint64_t
found(uint64_t amount)
{
    if (ledger.height > 0 || amount > UINT64_MAX / N_ACCOUNTS)
        nub_trap();
    for (unsigned i = 0; i < N_ACCOUNTS; i++)
        ledger.balance[i] = amount;
    ledger.height = 1;
    return N_ACCOUNTS;
}

/* ---- questions --------------------------------------------------------------------------------
 */

NUB_EXPORT uint64_t
balance(uint64_t account)
{
    if (account >= N_ACCOUNTS)
        nub_trap();
    return ledger.balance[account];
}

/** Of all balances: no block changes it. */
NUB_EXPORT uint64_t
total(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < N_ACCOUNTS; i++)
        sum += ledger.balance[i];
    return sum;
}
