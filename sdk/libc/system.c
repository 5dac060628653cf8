/* system.c - what newlib asks of a system, in nub's terms
 *
 * Streams 0, 1 and 2 are host calls, memory is the heap, an exit is Halt with the status, an abort
 * is Trap. There are no files, no clock and no other processes: those calls fail, the same way in
 * every run.
 */
#include <errno.h>
#include <nub-host.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/times.h>
#include <unistd.h>

#undef errno
extern int errno;

/* the prototypes that newlib's reent/ expects */
int _close(int file);
__attribute__((noreturn)) void _exit(int status);
int _fstat(int file, struct stat *status);
int _getpid(void);
int _gettimeofday(struct timeval *time, void *zone);
int _isatty(int file);
int _kill(int process, int signal);
int _link(const char *old_path, const char *new_path);
off_t _lseek(int file, off_t offset, int whence);
int _open(const char *path, int flags, int mode);
ssize_t _read(int file, void *bytes, size_t room);
void *_sbrk(ptrdiff_t change);
clock_t _times(struct tms *times);
int _unlink(const char *path);
ssize_t _write(int file, const void *bytes, size_t size);

static int
fail(int reason)
{
    errno = reason;
    return -1;
}

/* a host call moves at most 2^24 bytes; less than asked for is a valid answer */
static size_t
at_once(size_t size)
{
    return size < 1u << 24 ? size : 1u << 24;
}

ssize_t
_read(int file, void *bytes, size_t room)
{
    if (file != STDIN_FILENO)
        return fail(EBADF);
    int64_t size = nub_host_read(file, bytes, at_once(room));
    return size < 0 ? fail(EIO) : (ssize_t)size;
}

ssize_t
_write(int file, const void *bytes, size_t size)
{
    if (file != STDOUT_FILENO && file != STDERR_FILENO)
        return fail(EBADF);
    int64_t written = nub_host_write(file, bytes, at_once(size));
    return written < 0 ? fail(EIO) : (ssize_t)written;
}

void *
_sbrk(ptrdiff_t change)
{
    static char *end;
    char *old = end ? end : __nub_heap.start;

    if (change > __nub_heap.end - old || change < __nub_heap.start - old) {
        errno = ENOMEM;
        return (void *)-1;
    }
    end = old + change;
    return old;
}

void
_exit(int status)
{
    nub_halt((uint64_t)(int64_t)status);
}

int
_kill(int process, int signal)
{
    (void)process;
    (void)signal;
    nub_trap(); /* raise and abort of the only process there is */
}

int
_getpid(void)
{
    return 1;
}

int
_fstat(int file, struct stat *status)
{
    if (file < STDIN_FILENO || file > STDERR_FILENO)
        return fail(EBADF);
    *status = (struct stat){ .st_mode = S_IFIFO };
    return 0;
}

int
_isatty(int file)
{
    (void)file;
    errno = ENOTTY;
    return 0;
}

off_t
_lseek(int file, off_t offset, int whence)
{
    (void)file;
    (void)offset;
    (void)whence;
    return fail(ESPIPE);
}

int
_close(int file)
{
    return file < STDIN_FILENO || file > STDERR_FILENO ? fail(EBADF) : 0;
}

int
_open(const char *path, int flags, int mode)
{
    (void)path;
    (void)flags;
    (void)mode;
    return fail(ENOENT);
}

int
_link(const char *old_path, const char *new_path)
{
    (void)old_path;
    (void)new_path;
    return fail(ENOENT);
}

int
_unlink(const char *path)
{
    (void)path;
    return fail(ENOENT);
}

int
_gettimeofday(struct timeval *time, void *zone)
{
    (void)time;
    (void)zone;
    return fail(ENOSYS);
}

clock_t
_times(struct tms *times)
{
    (void)times;
    return (clock_t)fail(ENOSYS);
}
