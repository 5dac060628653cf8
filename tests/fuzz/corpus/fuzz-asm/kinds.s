.instance i, m
.mem_size 64KiB
.regs a0=5
.paused pc=3, gas=9
.overlay 0x3000
.u8 1
.image m
.yield_marker 9
.pinned 5, c
.initial 4, d
.map 0, 4KiB, path 5/1
.insn 0xff, 1
.u8 7
.cnode c, 2
.slot 3, t
.slot 1, d
.type t, 0x00000000000000000000000000000000000000000000000000000000000000ff
.data d
x: .u8 7
.align 4
.hex "0a 0B"
