/* embed.c - publish a program as capabilities, invoke it, read the result
 *
 * cc embed.c $(pkg-config --cflags --libs nub) -o embed
 */
#include <nub/nub.h>

int
main(void)
{
    static const guint8 code[] = { 0xC8, 0x87, 0x07, 0x32, 0x00 }; /* a0 = a0 + a1; ret */
    static const guint8 bitmask[] = { 0x09 };                      /* they start at bytes 0, 3 */
    const guint64 regs[NUB_N_REGS] = { NUB_HALT_ADDRESS };         /* ra: returning halts */
    const guint64 args[4] = { 40, 2 };
    g_autoptr(GError) error = NULL;
    g_autoptr(NubRegistry) registry = nub_registry_new_default(&error);
    g_autoptr(NubKernel) kernel = registry ? nub_registry_open(registry, "local", &error) : NULL;
    g_autoptr(NubImageBuilder) builder = nub_image_builder_new(code, 5, bitmask, 1);
    NubHash image_hash, hash;
    NubResult result;

    nub_image_builder_add_endpoint(builder, 0, regs);
    g_autoptr(NubCap) image = nub_image_builder_build(builder, &error);
    if (!kernel || !image || !nub_kernel_put_cap(kernel, image, &image_hash, &error))
        g_error("%s", error->message);
    g_autoptr(NubCap) instance = nub_cap_new_instance(&image_hash);
    if (!nub_kernel_put_cap(kernel, instance, &hash, &error) ||
        !nub_kernel_invoke_cached(kernel, &hash, 0, args, 1000, &result, &error))
        g_error("%s", error->message);
    g_print("exit %u, value %" G_GUINT64_FORMAT ", gas left %" G_GUINT64_FORMAT "\n",
            result.exit_reason, result.return_value, result.gas_remaining);
    return 0;
}
