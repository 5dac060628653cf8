/* suggest-private.h - "did you mean": the nearest of the words that would have been right */
#ifndef NUB_SUGGEST_PRIVATE_H
#define NUB_SUGGEST_PRIVATE_H

#include <glib.h>

typedef struct {
    const char *word; /* what was written */
    const char *best; /* the nearest so far, borrowed; NULL: none is near enough */
    guint distance;
} NubSuggestion;

#define NUB_SUGGESTION_INIT(word_) { .word = (word_), .best = NULL, .distance = G_MAXUINT }

/** Considers a word that would have been right. */
void nub_suggestion_offer(NubSuggestion *self, const char *candidate);
/** " (did you mean 'x'?)", or "". To be freed. */
char *nub_suggestion_text(const NubSuggestion *self);

#endif
