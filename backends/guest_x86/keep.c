/* keep.c - which windows a lane keeps, and for whom
 *
 * One for each instance that it called last. An instance that has none takes over a relative's,
 * which differs from it in a few pages at most: switching windows costs an exit, and filling a new
 * one many. What a lane keeps, the lane itself frees: it may have it as its root. */
#include "guest.h"

#define MAX_KEPT 64u

static void
unlink_window(struct guest_window *window)
{
    struct guest_context *lane = guest_context(window->lane);

    if (window->prev)
        window->prev->next = window->next;
    else
        lane->windows = window->next;
    if (window->next)
        window->next->prev = window->prev;
    lane->n_windows--;
    window->owner->windows[window->lane] = NULL;
    window->owner = NULL;
}

void
guest_window_free(struct guest_window *window)
{
    struct guest_context *context = guest_current(), *lane = guest_context(window->lane);

    if (window->owner)
        unlink_window(window);
    if (lane == context) {
        guest_window_destroy(context, window);
        return;
    }
    if (lane->dirty == window) /* not to be cleaned: the plan that says how may be gone by then */
        lane->dirty = NULL;
    window->next = lane->orphans;
    lane->orphans = window;
}

void
guest_window_free_orphans(struct guest_context *context)
{
    struct guest_window *window;

    while ((window = context->orphans)) {
        context->orphans = window->next;
        guest_window_destroy(context, window);
    }
}

bool
guest_window_reclaim(struct guest_context *context)
{
    struct guest_window *last = NULL;

    guest_window_free_orphans(context);
    for (struct guest_window *w = context->windows; w; w = w->next) {
        if (!w->in_use)
            last = w;
    }
    if (last)
        guest_window_free(last);
    return last != NULL;
}

/* Keeps a window for an instance, as the latest used. */
static void
keep(struct guest_context *context, struct guest_window *window, struct guest_instance *owner)
{
    window->owner = owner;
    owner->windows[context->lane] = window;
    window->prev = NULL;
    window->next = context->windows;
    if (context->windows)
        context->windows->prev = window;
    context->windows = window;
    context->n_windows++;
}

/* The window of a relative, when this instance has none and the relative does not need it now. */
static struct guest_window *
adopt(struct guest_context *context, struct guest_instance *instance)
{
    for (struct guest_window *w = context->windows; w; w = w->next) {
        if (w->owner->lineage != instance->lineage || w->in_use || context->dirty == w)
            continue;
        unlink_window(w);
        guest_window_refit(w, &instance->plan);
        return w;
    }
    return NULL;
}

struct guest_window *
guest_window_of(struct guest_context *context, struct guest_instance *instance)
{
    struct guest_window *window = instance->windows[context->lane];

    if (window && context->windows == window)
        return window;
    if (window)
        unlink_window(window);
    else
        window = adopt(context, instance);
    if (!window && context->n_windows >= MAX_KEPT)
        guest_window_reclaim(context);
    if (!window)
        window = guest_window_new(context, &instance->plan);
    if (window)
        keep(context, window, instance);
    return window;
}

struct guest_window *
guest_window_take(struct guest_context *context, struct guest_instance *instance)
{
    struct guest_window *window = instance->windows[context->lane];

    if (!window)
        window = adopt(context, instance);
    else if (window->in_use || context->dirty == window)
        window = NULL;
    else
        unlink_window(window);
    if (!window)
        return guest_window_new(context, &instance->plan);
    window->n_before = window->n_own;
    return window;
}

void
guest_window_return(struct guest_context *context, struct guest_window *window,
                    struct guest_instance *instance)
{
    if (instance->windows[context->lane] || context->dirty) {
        guest_window_free(window);
        return;
    }
    guest_window_release(window);
    if (context->n_windows >= MAX_KEPT)
        guest_window_reclaim(context);
    keep(context, window, instance);
    context->dirty = window;
}
