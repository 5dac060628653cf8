/* nub-host.h - the standard host calls, as functions; `nub run` answers them
 *
 * What each does, costs and returns: docs/host-calls.md. -1 is an error, and then nothing has
 * happened. A host that does not offer a call ends the run as HostCall.
 */
#ifndef NUB_GUEST_HOST_H
#define NUB_GUEST_HOST_H

#include <nub-guest.h>

/* The numbers of <nub/host-calls.def>; the test core.host-standard compares them. */
enum nub_host_number {
    NUB_HOST_NUMBER_EXIT = 1,
    NUB_HOST_NUMBER_WRITE = 2,
    NUB_HOST_NUMBER_READ = 3,
    NUB_HOST_NUMBER_ARGUMENTS = 4,
    NUB_HOST_NUMBER_LOG = 5,
    NUB_HOST_NUMBER_KECCAK_256 = 6,
    NUB_HOST_NUMBER_SHA_256 = 7
};

/** Ends the run as Halt with this value. */
__attribute__((noreturn)) static inline void
nub_host_exit(int64_t value)
{
    NUB_HOST_CALL(NUB_HOST_NUMBER_EXIT, value, 0, 0, 0, 0, 0);
    __builtin_unreachable();
}

/** Writes to stdout (1) or stderr (2); the bytes written, or -1. */
static inline int64_t
nub_host_write(int stream, const void *bytes, size_t size)
{
    return (int64_t)NUB_HOST_CALL(NUB_HOST_NUMBER_WRITE, stream, (uintptr_t)bytes, size, 0, 0, 0);
}

/** Reads up to `room` bytes of stdin (0); 0 at the end, -1 on error. */
static inline int64_t
nub_host_read(int stream, void *bytes, size_t room)
{
    return (int64_t)NUB_HOST_CALL(NUB_HOST_NUMBER_READ, stream, (uintptr_t)bytes, room, 0, 0, 0);
}

/** Lays down as many of the argument bytes as fit; how many there are, or -1. */
static inline int64_t
nub_host_arguments(void *bytes, size_t room)
{
    return (int64_t)NUB_HOST_CALL(NUB_HOST_NUMBER_ARGUMENTS, (uintptr_t)bytes, room, 0, 0, 0, 0);
}

/** A line in the host's log: level 0 (error) to 3 (debug); 0, or -1. */
static inline int64_t
nub_host_log(int level, const char *text, size_t size)
{
    return (int64_t)NUB_HOST_CALL(NUB_HOST_NUMBER_LOG, level, (uintptr_t)text, size, 0, 0, 0);
}

static inline int64_t
nub_host_keccak_256(uint8_t digest[32], const void *bytes, size_t size)
{
    return (int64_t)NUB_HOST_CALL(NUB_HOST_NUMBER_KECCAK_256, (uintptr_t)bytes, size, (uintptr_t)digest, 0, 0, 0);
}

static inline int64_t
nub_host_sha_256(uint8_t digest[32], const void *bytes, size_t size)
{
    return (int64_t)NUB_HOST_CALL(NUB_HOST_NUMBER_SHA_256, (uintptr_t)bytes, size, (uintptr_t)digest, 0, 0, 0);
}

#endif
