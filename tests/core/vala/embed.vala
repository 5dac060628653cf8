/* embed.vala - the README's embed in Vala: publish, invoke, read an error, answer a host call
 *
 * Built and run by CTest as core.vala from the GIR of the build tree. Exits with 1 and a line on
 * standard error when something is not as it should be.
 */

void check (bool condition, string what) {
    if (!condition) {
        stderr.printf ("%s\n", what);
        Process.exit (1);
    }
}

Nub.Hash publish (Nub.Kernel kernel, uint8[] code, uint8[] bitmask) throws Error {
    var builder = new Nub.ImageBuilder (code, bitmask);
    builder.add_endpoint (0, { 0xffff0000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 });
    var image = builder.build ();
    Nub.Hash hash;
    kernel.put_cap (image, out hash);
    var instance = new Nub.Cap.instance (hash);
    kernel.put_cap (instance, out hash);
    return hash;
}

int main () {
    try {
        var registry = new Nub.Registry.from_data (
            "version: 1\ngas: instruction\nbackends: [ { name: local, module: nub-local } ]", null);
        var kernel = registry.open (null);
        var hash = publish (kernel, { 0x32, 0x00 }, { 0x01 });
        Nub.Result result;
        kernel.invoke_cached (hash, 0, { 42, 0, 0, 0 }, 1000, out result);
        check (result.exit_reason == Nub.ExitReason.HALT, "not halted");
        check (result.return_value == 42 && result.gas_remaining == 999, "wrong result");

        var table = new Nub.HostTable ();
        table.add (5, 1, (call) => {
            call.set_reg (7, call.get_reg (7) + 1);
            return Nub.HostVerdict.CONTINUE;
        });
        var call = new Nub.Call (publish (kernel, { 0x0a, 0x05, 0x32, 0x00 }, { 0x05 }));
        call.set_args ({ 6, 0, 0, 0 });
        call.set_gas (100);
        call.set_host_table (table);
        result = kernel.invoke (call, null).get_result ();
        check (result.return_value == 7, "the host call did nothing");

        try {
            kernel.invoke_cached (hash, 9, { 0, 0, 0, 0 }, 1, out result);
            check (false, "endpoint 9 was called");
        } catch (Nub.Error.ENDPOINT_RANGE error) {
            stdout.printf ("%s\n", error.message);
        }
    } catch (Error error) {
        check (false, error.message);
    }
    return 0;
}
