// The schemas of caps.md 2, in the words of an independent SSZ library.
import {
    ByteListType, ByteVectorType, ContainerType, ListBasicType, ListCompositeType, NoneType,
    UintBigintType, UintNumberType, UnionType, VectorBasicType, VectorCompositeType,
} from "@chainsafe/ssz";

const uint8 = new UintNumberType(1);
const uint32 = new UintNumberType(4);
const uint64 = new UintBigintType(8);
const Hash = new ByteVectorType(32);
const Regs = new VectorBasicType(uint64, 13);

const Data = new ContainerType({ content: new ByteListType(2 ** 32) });

const SlotEntry = new ContainerType({ slot: uint32, cap: Hash });
const Endpoint = new ContainerType({
    entry_pc: uint64, stack_top: uint64, arg_cnode_slot: uint32, arg_cnode_size: uint8,
    initial_regs: Regs,
});
const Mapping = new ContainerType({ start: uint64, size: uint64, source: new ListBasicType(uint32, 8) });
const Image = new ContainerType({
    isa: uint32,
    code: new ByteListType(2 ** 28),
    bitmask: new ByteListType(2 ** 25),
    jump_table: new ListBasicType(uint32, 2 ** 24),
    endpoints: new ListCompositeType(Endpoint, 64),
    mappings: new ListCompositeType(Mapping, 256),
    pinned: new ListCompositeType(SlotEntry, 256),
    initial: new ListCompositeType(SlotEntry, 256),
    yield_marker_slot: new UnionType([new NoneType(), uint32]),
});

const Overlay = new ContainerType({ start: uint32, bytes: new ByteListType(2 ** 32) });
const Instance = new ContainerType({
    image_chain: Hash, image: Hash, root_cnode: Hash,
    overlays: new ListCompositeType(Overlay, 524288),
    mem_size: uint64, regs: Regs, pc: uint64, gas_remaining: uint64, phase: uint8,
});

const CNode = new ContainerType({ size_log: uint8, slots: new VectorCompositeType(Hash, 65536) });
const CNodeWire = new ContainerType({ size_log: uint8, entries: new ListCompositeType(SlotEntry, 65536) });
const Type = new ContainerType({ image_chain: Hash });

/** What is hashed, and what goes over the wire. */
export const Cap = new UnionType([Instance, Image, Data, CNode, Type]);
export const CapWire = new UnionType([Instance, Image, Data, CNodeWire, Type]);
export const Bundle = new ListCompositeType(new ByteListType(2 ** 32), 2 ** 20);
