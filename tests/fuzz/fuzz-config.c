/* fuzz-config.c - any bytes as a configuration
 *
 * What is read can be written out and read back as the same; what is not names a place or, where
 * the bytes are no text, the input. No module is loaded.
 */
#include "config-private.h"
#include "fuzz.h"
#include <string.h>

/* Without comments, which say where things came from. */
static char *
settings(const NubConfig *config)
{
    g_autofree char *text = nub_config_to_text(config);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    GString *kept = g_string_new(NULL);

    for (char **line = lines; *line; line++)
        if (!g_str_has_prefix(g_strchug(*line), "#"))
            g_string_append_printf(kept, "%s\n", *line);
    return g_string_free(kept, FALSE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *yaml = size ? g_strndup((const char *)data, size) : g_strdup("");
    g_autoptr(GError) error = NULL;
    g_autoptr(NubConfig) config = nub_config_new_from_data(yaml, "/", &error);
    g_autoptr(NubConfig) again = NULL;
    g_autofree char *text = NULL;
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;

    FUZZ_CHECK((config == NULL) == (error != NULL));
    if (!config) {
        FUZZ_CHECK(error->domain == NUB_CONFIG_ERROR);
        FUZZ_CHECK(g_str_has_prefix(error->message, "data:"));
        return 0;
    }
    text = nub_config_to_text(config);
    again = nub_config_new_from_data(text, "/", &error);
    FUZZ_CHECK(again);
    first = settings(config);
    second = settings(again);
    FUZZ_CHECK(strcmp(first, second) == 0);
    return 0;
}
