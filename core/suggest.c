/* suggest.c - "did you mean": the nearest of the words that would have been right
 *
 * Distance counts insertions, deletions, replacements and swaps of neighbours. A word is near
 * enough when at most a third of it would have to change. It must never cost more than a glance:
 * words that are too long are not compared.
 */
#include "suggest-private.h"

#include <string.h>

#define MAX_LENGTH 63

static guint
edit_distance(const char *a, gsize a_length, const char *b, gsize b_length)
{
    guint rows[3][MAX_LENGTH + 1];
    guint *before = rows[0], *above = rows[1], *row = rows[2];

    for (gsize j = 0; j <= b_length; j++)
        above[j] = (guint)j;
    for (gsize i = 1; i <= a_length; i++) {
        row[0] = (guint)i;
        for (gsize j = 1; j <= b_length; j++) {
            guint replace = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = MIN(replace, MIN(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = MIN(row[j], before[j - 2] + 1);
        }
        guint *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[b_length];
}

void
nub_suggestion_offer(NubSuggestion *self, const char *candidate)
{
    gsize length = strlen(self->word), candidate_length = strlen(candidate);
    guint allowed = (guint)MAX(1, MAX(length, candidate_length) / 3);
    guint distance;

    if (length > MAX_LENGTH || candidate_length > MAX_LENGTH)
        return;
    distance = edit_distance(self->word, length, candidate, candidate_length);
    if (distance <= allowed && distance < self->distance) {
        self->best = candidate;
        self->distance = distance;
    }
}

char *
nub_suggestion_text(const NubSuggestion *self)
{
    return self->best ? g_strdup_printf(" (did you mean '%s'?)", self->best) : g_strdup("");
}
