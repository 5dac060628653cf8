"""The README's embed, from Python: publish, invoke, read errors, drive a session, answer host calls.

Run by CTest as core.python with GI_TYPELIB_PATH and LD_LIBRARY_PATH of the build tree.
"""
import unittest

import gi

gi.require_version("Nub", "1")
from gi.repository import Gio, GLib, Nub  # noqa: E402

RETURNS = (bytes([0x32, 0x00]), bytes([0x01]))
CALLS_HOST = (bytes([0x0A, 0x05, 0x32, 0x00]), bytes([0x05]))
LOOPS = (bytes([0x28]), bytes([0x01]))


class Embed(unittest.TestCase):
    def setUp(self):
        registry = Nub.Registry.new_from_data(
            "version: 1\ngas: instruction\nbackends: [ { name: local, module: nub-local } ]", None)
        self.registry = registry
        self.kernel = registry.open_private(None, Nub.GasModel.DEFAULT, 0)

    def publish(self, program):
        builder = Nub.ImageBuilder.new(*program)
        builder.add_endpoint(0, None)
        builder.add_mapping(0x10000, 0x1000, [])
        image = builder.build()
        self.kernel.put_cap(image)
        _, instance = self.kernel.put_cap(Nub.Cap.new_instance(image.get_hash()))
        return instance

    def test_counters_are_text_for_a_scraper(self):
        """The counters of kernels of one name are added: a series may be there once."""
        other = self.registry.open_private(None, Nub.GasModel.DEFAULT, 0)
        instance = self.publish(RETURNS)
        for _ in range(3):
            self.kernel.invoke_cached(instance, 0, [42, 0, 0, 0], 1000)
        alone = Nub.kernels_to_openmetrics([self.kernel]).splitlines()
        both = Nub.kernels_to_openmetrics([other, self.kernel, other]).splitlines()
        self.assertIn('nub_calls_total{backend="local"} 3', alone)
        self.assertIn('nub_exits_total{backend="local",reason="halt"} 3', both)
        self.assertEqual(both.count("# TYPE nub_puts counter"), 1)
        self.assertEqual(len(both), len(alone))
        self.assertEqual(both[-1], "# EOF")
        self.assertEqual(Nub.kernels_to_openmetrics([]), "# EOF\n")

    def test_publish_and_invoke(self):
        instance = self.publish(RETURNS)
        _, result = self.kernel.invoke_cached(instance, 0, [42, 0, 0, 0], 1000)
        self.assertEqual(result.exit_reason, Nub.ExitReason.HALT)
        self.assertEqual(result.return_value, 42)
        self.assertEqual(result.gas_remaining, 999)
        self.assertEqual(len(instance.to_string()), 64)
        _, present = self.kernel.contains(instance)
        self.assertTrue(present)

    def test_errors_name_the_capability(self):
        builder = Nub.ImageBuilder.new(*RETURNS)
        builder.add_endpoint(0, None)
        image = builder.build()
        with self.assertRaises(GLib.Error) as raised:
            self.kernel.put_cap(Nub.Cap.new_instance(image.get_hash()))
        self.assertTrue(raised.exception.matches(Nub.error_quark(), Nub.Error.NOT_FOUND))
        self.assertIn(image.get_hash().to_string(), raised.exception.message)
        with self.assertRaises(GLib.Error) as raised:
            Nub.Cap.new_from_wire(GLib.Bytes.new(b"\x09"))
        self.assertTrue(raised.exception.matches(Nub.error_quark(), Nub.Error.BAD_ENCODING))
        with self.assertRaises(GLib.Error) as raised:
            Nub.Registry.new_from_data("version: 2", None)
        self.assertTrue(raised.exception.matches(Nub.config_error_quark(), Nub.ConfigError.VALUE))

    def test_capabilities(self):
        data = Nub.Cap.new_data(b"hello")
        self.assertEqual(data.get_kind(), Nub.CapKind.DATA)
        self.assertEqual(data.dup_content().get_size(), 4096)
        instance = Nub.Cap.new_instance(data.get_hash())
        references = instance.list_references()
        self.assertEqual([r.to_string() for r in references], [data.get_hash().to_string()])
        bundle = Nub.Bundle.new()
        bundle.add(data)
        again = Nub.Bundle.new_from_bytes(bundle.to_bytes())
        self.assertEqual(again.get_root().get_hash().to_string(), data.get_hash().to_string())

    def test_session(self):
        session = self.kernel.open_session(self.publish(RETURNS), 0, [1, 2, 3, 4], 100)
        self.assertEqual(session.get_regs()[7:11], [1, 2, 3, 4])
        session.write(0x10000, b"abc")
        self.assertEqual(session.read(0x10000, 4).get_data(), b"abc\0")
        _, result = session.run(None)
        self.assertEqual(result.exit_reason, Nub.ExitReason.HALT)
        _, pc = session.get_pc()
        self.assertIsInstance(pc, int)
        session.close()

    def test_host_table(self):
        def double(call):
            call.set_reg(7, 2 * call.get_reg(7))
            call.write(0x10000, b"seen")
            self.assertEqual(call.read(0x10000, 4).get_data(), b"seen")
            return Nub.HostVerdict.CONTINUE

        table = Nub.HostTable.new()
        table.add(5, 10, double)
        call = Nub.Call.new(self.publish(CALLS_HOST))
        call.set_args([21, 0, 0, 0])
        call.set_gas(100)
        call.set_host_table(table)
        outcome = self.kernel.invoke(call, None)
        self.assertEqual(outcome.get_result().return_value, 42)

    def test_cancel_in_the_background(self):
        call = Nub.Call.new(self.publish(LOOPS))
        call.set_gas(GLib.MAXINT64)
        loop = GLib.MainLoop()
        errors = []

        def done(kernel, result):
            try:
                kernel.invoke_finish(result)
            except GLib.Error as error:
                errors.append(error)
            loop.quit()

        cancellable = Gio.Cancellable()
        self.kernel.invoke_async(call, cancellable, done)
        GLib.timeout_add(20, lambda: cancellable.cancel())
        loop.run()
        self.assertTrue(errors[0].matches(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED))

    def test_what_is_configured(self):
        backends = self.registry.list_backends()
        self.assertEqual([b.get_name() for b in backends], ["local"])
        self.assertIn("name: local", self.registry.dup_config())


if __name__ == "__main__":
    unittest.main()
