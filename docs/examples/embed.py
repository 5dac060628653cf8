#!/usr/bin/python3
"""Publish a program as capabilities, invoke it, read the result: embed.c in Python."""
import gi

gi.require_version("Nub", "1")
from gi.repository import Nub  # noqa: E402

CODE = bytes([0xC8, 0x87, 0x07, 0x32, 0x00])  # a0 = a0 + a1; ret
BITMASK = bytes([0x09])  # they start at bytes 0, 3

kernel = Nub.Registry.new_default().open("local")
builder = Nub.ImageBuilder.new(CODE, BITMASK)
builder.add_endpoint(0, None)  # None: ra is the halt address
_, image = kernel.put_cap(builder.build())
_, instance = kernel.put_cap(Nub.Cap.new_instance(image))
_, result = kernel.invoke_cached(instance, 0, [40, 2, 0, 0], 1000)
print(f"exit {result.exit_reason}, value {result.return_value}, gas left {result.gas_remaining}")
