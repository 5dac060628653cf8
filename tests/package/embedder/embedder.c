/* embedder.c - the README's embed, built against an installed nub: publish, invoke, print */
#include <nub/nub.h>

int
main(int argc, char **argv)
{
    static const guint8 code[] = { 0x32, 0x00 }, bitmask[] = { 0x01 }; /* jump_ind phi0 */
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) registry = NULL;
    g_autoptr(NubKernel) kernel = NULL;
    g_autoptr(NubImageBuilder) builder = nub_image_builder_new(code, 2, bitmask, 1);
    g_autoptr(NubCap) image = NULL;
    g_autoptr(NubCap) instance = NULL;
    const guint64 args[4] = { 42 };
    NubHash hash;
    NubResult result;

    registry =
        argc > 1 ? nub_registry_new_from_file(argv[1], &error) : nub_registry_new_default(&error);
    if (registry)
        kernel = nub_registry_open(registry, argc > 2 ? argv[2] : NULL, &error);
    nub_image_builder_add_endpoint(builder, 0, NULL);
    image = nub_image_builder_build(builder, error ? NULL : &error);
    if (!kernel || !image || !nub_kernel_put_cap(kernel, image, &hash, &error)) {
        g_printerr("%s\n", error->message);
        return 1;
    }
    instance = nub_cap_new_instance(&hash);
    if (!nub_kernel_put_cap(kernel, instance, &hash, &error) ||
        !nub_kernel_invoke_cached(kernel, &hash, 0, args, 1000, &result, &error)) {
        g_printerr("%s\n", error->message);
        return 1;
    }
    g_print("%s: %s %" G_GUINT64_FORMAT "\n", nub_kernel_get_name(kernel),
            nub_exit_reason_to_string(result.exit_reason), result.return_value);
    return 0;
}
