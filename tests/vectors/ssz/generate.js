// Writes valid.json: capabilities of all five kinds, their wire forms and their hashes, as an
// independent SSZ library computes them. `npm ci && npm run generate`; see README.md.
import { writeFileSync } from "node:fs";
import { Bundle, Cap, CapWire } from "./schemas.js";

const PAGE = 4096;
const kinds = { instance: 0, image: 1, data: 2, cnode: 3, type: 4 };
const noHash = new Uint8Array(32);
const noRegs = Array(13).fill(0n);
const U64 = 2n ** 64n - 1n;

/** 32 bytes that no other number gives. */
function hash(n) {
    return Uint8Array.from({ length: 32 }, (_, i) => (n * 37 + i * 11 + (n >> 3)) & 0xff);
}

/** Bytes that repeat little, so that a misplaced chunk shows. */
function noise(size, seed = 1) {
    let x = seed >>> 0;
    return Uint8Array.from({ length: size }, () => {
        x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
        return x >>> 24;
    });
}

/** Pages of one fill byte each: compact in the file, different to the hash. */
function pages(...fills) {
    const bytes = new Uint8Array(fills.length * PAGE);
    fills.forEach((fill, i) => bytes.fill(fill, i * PAGE, (i + 1) * PAGE));
    return bytes;
}

function bitmask(codeSize, bytes = noise(Math.ceil(codeSize / 8), 9)) {
    if (codeSize % 8)
        bytes[bytes.length - 1] &= (1 << (codeSize % 8)) - 1;
    return bytes;
}

const image = (fields) => ({
    isa: 0, code: new Uint8Array(0), bitmask: new Uint8Array(0), jump_table: [], endpoints: [],
    mappings: [], pinned: [], initial: [], yield_marker_slot: { selector: 0, value: null }, ...fields,
});
const withCode = (size) => ({ code: noise(size, size), bitmask: bitmask(size) });
const endpoint = (n) => ({
    entry_pc: BigInt(n) * 0x1000000000001n & U64, stack_top: BigInt(n) << 33n, arg_cnode_slot: n * 3,
    arg_cnode_size: n & 0xff, initial_regs: noRegs.map((_, r) => BigInt(n * 100 + r) * 0x123456789n & U64),
});
const mapping = (n, sources) => ({
    start: BigInt(n) * 0x4000n, size: BigInt(n % 4 + 1) * 0x1000n,
    source: Array.from({ length: sources }, (_, s) => n * 1000 + s),
});
const slots = (n, from = 0, step = 1) =>
    Array.from({ length: n }, (_, i) => ({ slot: from + i * step, cap: hash(i + 1) }));
const instance = (fields) => ({
    image_chain: noHash, image: noHash, root_cnode: noHash, overlays: [], mem_size: 0n, regs: noRegs,
    pc: 0n, gas_remaining: 0n, phase: 0, ...fields,
});
const overlay = (page, bytes) => ({ start: page * PAGE, bytes });
const regs = noRegs.map((_, r) => U64 - BigInt(r) * 0x0101010101010101n);
const yields = (slot) => ({ yield_marker_slot: { selector: 1, value: slot } });

const cases = {
    data: {
        smallest: { content: new Uint8Array(0) },
        "one page of zeros": { content: pages(0) },
        "one page": { content: noise(PAGE) },
        "one page, last byte only": { content: (() => { const p = pages(0); p[PAGE - 1] = 1; return p; })() },
        "two pages": { content: pages(1, 2) },
        "three pages, zeros between": { content: pages(1, 0, 3) },
        "31 pages": { content: pages(...Array.from({ length: 31 }, (_, i) => i)) },
        "32 pages": { content: pages(...Array.from({ length: 32 }, (_, i) => i + 1)) },
        "33 pages": { content: pages(...Array.from({ length: 33 }, (_, i) => i + 1)) },
        "1024 pages": { content: pages(...Array.from({ length: 1024 }, (_, i) => i & 0xff)) },
        "1025 pages": { content: pages(...Array.from({ length: 1025 }, (_, i) => (i * 7) & 0xff)) },
        "largest here, 16 MiB of zeros and a page": { content: pages(...Array(4096).fill(0), 0x5a) },
    },
    type: {
        smallest: { image_chain: noHash },
        "every byte": { image_chain: hash(5) },
        "all ones": { image_chain: new Uint8Array(32).fill(255) },
        "last bit": { image_chain: Uint8Array.from({ length: 32 }, (_, i) => (i === 31 ? 0x80 : 0)) },
    },
    cnode: {
        smallest: { size_log: 0, entries: [] },
        "one slot": { size_log: 0, entries: slots(1) },
        "size_log alone": { size_log: 16, entries: [] },
        "slots 0, 1, 65535": { size_log: 16, entries: [0, 1, 65535].map((slot) => ({ slot, cap: hash(slot & 0xff) })) },
        "slot 0 of many": { size_log: 16, entries: slots(1) },
        "slot 1 of many": { size_log: 16, entries: slots(1, 1) },
        "slot 65535": { size_log: 16, entries: slots(1, 65535) },
        "slots 31, 32": { size_log: 6, entries: slots(2, 31) },
        "both halves": { size_log: 16, entries: slots(2, 32767) },
        "full, size_log 4": { size_log: 4, entries: slots(16) },
        "full, size_log 8": { size_log: 8, entries: slots(256) },
        "every 257th slot": { size_log: 16, entries: slots(256, 0, 257) },
        "the same cap in all slots": { size_log: 3, entries: slots(8).map(({ slot }) => ({ slot, cap: hash(1) })) },
        "largest here, 4096 slots": { size_log: 12, entries: slots(4096) },
    },
    image: {
        smallest: image({}),
        "isa alone": image({ isa: 0xffffffff }),
        "empty program": image({ code: Uint8Array.of(0x32, 0), bitmask: Uint8Array.of(1) }),
        "code of 1 byte": image(withCode(1)),
        "code of 7 bytes": image(withCode(7)),
        "code of 8 bytes": image(withCode(8)),
        "code of 31 bytes": image(withCode(31)),
        "code of 32 bytes": image(withCode(32)),
        "code of 33 bytes": image(withCode(33)),
        "code of 4096 bytes": image(withCode(4096)),
        "code of 4097 bytes": image(withCode(4097)),
        "code of 40000 bytes": image(withCode(40000)),
        "jump table of 1": image({ jump_table: [0xfffffffe] }),
        "jump table of 8": image({ jump_table: Array.from({ length: 8 }, (_, i) => i * 0x01010101) }),
        "jump table of 9": image({ jump_table: Array.from({ length: 9 }, (_, i) => i + 1) }),
        "jump table of 5000": image({ jump_table: Array.from({ length: 5000 }, (_, i) => i * 17) }),
        "one endpoint": image({ endpoints: [endpoint(1)] }),
        "64 endpoints": image({ endpoints: Array.from({ length: 64 }, (_, i) => endpoint(i)) }),
        "mapping without source": image({ mappings: [mapping(1, 0)] }),
        "mapping with 8 sources": image({ mappings: [mapping(1, 8)] }),
        "mapping of everything": image({ mappings: [{ start: 0n, size: 2n ** 32n, source: [0xffffffff] }] }),
        "256 mappings": image({ mappings: Array.from({ length: 256 }, (_, i) => mapping(i, i % 9)) }),
        "pinned slot": image({ pinned: slots(1, 0xffffffff) }),
        "initial slot": image({ initial: slots(1, 7) }),
        "same slot in both": image({ pinned: slots(1, 7), initial: slots(1, 7) }),
        "256 of each": image({ pinned: slots(256), initial: slots(256, 5, 3) }),
        "yield marker 0": image(yields(0)),
        "yield marker": image(yields(0xffffffff)),
        "every field": image({
            isa: 3, ...withCode(100), jump_table: [1, 2, 3], endpoints: [endpoint(3), endpoint(4)],
            mappings: [mapping(2, 3), mapping(9, 1)], pinned: slots(2, 4), initial: slots(3, 1, 9), ...yields(77),
        }),
    },
    instance: {
        smallest: instance({}),
        "image_chain alone": instance({ image_chain: hash(1) }),
        "image alone": instance({ image: hash(2) }),
        "root_cnode alone": instance({ root_cnode: hash(3) }),
        "mem_size alone": instance({ mem_size: 2n ** 32n }),
        "regs alone": instance({ regs }),
        "paused, all zero": instance({ phase: 1 }),
        "paused, largest": instance({ phase: 1, pc: 2n ** 32n - 1n, gas_remaining: 2n ** 63n - 1n, regs }),
        "one overlay": instance({ overlays: [overlay(16, noise(PAGE, 3))] }),
        "overlay at 0": instance({ overlays: [overlay(0, pages(1))] }),
        "overlay at the end": instance({ overlays: [overlay(0xfffff, pages(1))] }),
        "overlay of zeros": instance({ overlays: [overlay(3, pages(0, 0))] }),
        "overlay of 17 pages": instance({ overlays: [overlay(3, pages(...Array.from({ length: 17 }, (_, i) => i + 1)))] }),
        "overlay of 600 pages": instance({ overlays: [overlay(9, pages(...Array.from({ length: 600 }, (_, i) => i & 0xff)))] }),
        "three overlays": instance({ overlays: [overlay(1, pages(1)), overlay(3, pages(2, 0, 3)), overlay(9, pages(0))] }),
        "1025 overlays": instance({ overlays: Array.from({ length: 1025 }, (_, i) => overlay(2 * i, pages((i + 1) & 0xff))) }),
        "every field": instance({
            image_chain: hash(1), image: hash(2), root_cnode: hash(3), overlays: [overlay(5, pages(9))],
            mem_size: 0x10000n, regs, pc: 0x1234n, gas_remaining: 99n, phase: 1,
        }),
    },
};

/** Hex, with runs of 24 and more equal bytes as [byte, count]. */
function compact(bytes) {
    const parts = [];
    let plain = 0, at = 0;
    const flush = (end) => end > plain && parts.push(Buffer.from(bytes.subarray(plain, end)).toString("hex"));
    while (at < bytes.length) {
        let end = at + 1;
        while (end < bytes.length && bytes[end] === bytes[at])
            end++;
        if (end - at >= 24) {
            flush(at);
            parts.push([bytes[at], end - at]);
            plain = end;
        }
        at = end;
    }
    flush(bytes.length);
    return parts;
}

/** The value that is hashed: a CNode has all its slots. */
function hashed(kind, value) {
    if (kind !== "cnode")
        return value;
    const all = Array(65536).fill(noHash);
    for (const { slot, cap } of value.entries)
        all[slot] = cap;
    return { size_log: value.size_log, slots: all };
}

const caps = [];
for (const [kind, values] of Object.entries(cases)) {
    for (const [name, value] of Object.entries(values)) {
        const selector = kinds[kind];
        const wire = CapWire.serialize({ selector, value });
        const root = Cap.hashTreeRoot({ selector, value: hashed(kind, value) });
        caps.push({ name: `${kind}: ${name}`, wire: compact(wire), hash: Buffer.from(root).toString("hex"), bytes: wire });
    }
}

const wires = (...names) => names.map((name) => caps.find((cap) => cap.name === name).bytes);
const bundles = [
    ["one capability", wires("type: smallest")],
    ["the same twice", wires("type: smallest", "type: smallest")],
    ["one of each kind", wires("type: every byte", "data: one page", "cnode: one slot", "image: every field", "instance: smallest")],
].map(([name, list]) => ({
    name,
    file: [Buffer.from("NUBCAPS1").toString("hex"), ...compact(Bundle.serialize(list))],
    caps: list.map((bytes) => compact(bytes)),
}));

const lines = (list) => list.map((item) => "        " + JSON.stringify(item)).join(",\n");
writeFileSync("valid.json", `{
    "caps": [
${lines(caps.map(({ bytes, ...cap }) => cap))}
    ],
    "bundles": [
${lines(bundles)}
    ]
}
`);
console.log(`${caps.length} capabilities, ${bundles.length} bundles`);
