/* cleanup.h - releasing what a function holds when it returns early */
#ifndef NUB_KVM_CLEANUP_H
#define NUB_KVM_CLEANUP_H

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static inline void
nub_cleanup_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void
nub_cleanup_free(void *block)
{
    free(*(void **)block);
}

static inline void
nub_cleanup_unlock(pthread_mutex_t **mutex)
{
    if (*mutex)
        pthread_mutex_unlock(*mutex);
}

/** Closes the descriptor at the end of the scope; set it to -1 to keep it open. */
#define NUB_CLEANUP_FD __attribute__((cleanup(nub_cleanup_fd)))
/** Frees the block at the end of the scope; set it to NULL to keep it. */
#define NUB_CLEANUP_FREE __attribute__((cleanup(nub_cleanup_free)))
/** Holds a mutex to the end of the scope. */
#define NUB_LOCKED(mutex) \
    __attribute__((cleanup(nub_cleanup_unlock), unused)) pthread_mutex_t *nub_locked_ = nub_lock_(mutex)

static inline pthread_mutex_t *
nub_lock_(pthread_mutex_t *mutex)
{
    pthread_mutex_lock(mutex);
    return mutex;
}

#endif
