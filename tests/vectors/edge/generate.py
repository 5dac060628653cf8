#!/usr/bin/env python3
"""Turns the table of edge cases (pvm.md, appendix B) into vectors in the format of ../programs.

    generate.py path/to/pvm.md path/to/opcodes.tsv

What a case expects - exit, pc, gas used, registers - is read off the table and nothing else. Two
things are not in the table and are computed here from the same specification, apart from any
implementation in C: the bytes that two stores leave behind, and the costs of all block starts.
"""
import json
import os
import re
import sys

STATUS = {"Trap": "trap", "Panic": "panic", "Halt": "halt", "OutOfGas": "out-of-gas",
          "PageFault": "page-fault", "HostCall": "host-call", "Ecall": "ecall"}
# what the case leaves in memory, where that is not only zeros: address, bytes
STORED = {"B9": [(0x20000, [0x5A])], "B90": [(0x20000, [0xFE] + [0xFF] * 7)]}


class Isa:
    def __init__(self, path):
        self.rows = {}
        with open(path) as f:
            head = f.readline().rstrip("\n").split("\t")
            for line in f:
                row = dict(zip(head, line.rstrip("\n").split("\t")))
                self.rows[int(row["number"])] = row

    def terminator(self, op):
        return op in self.rows and self.rows[op]["is_terminator"] == "1"


class Program:
    def __init__(self, insns, isa):
        self.code = [b for insn in insns for b in insn]
        self.mask = [1 if k == 0 else 0 for insn in insns for k in range(len(insn))]
        self.isa = isa

    def byte(self, i):
        return self.code[i] if i < len(self.code) else 0

    def start(self, i):
        return i >= len(self.code) or self.mask[i] == 1

    def skip(self, i):
        n = 0
        while n < 24 and not self.start(i + 1 + n):
            n += 1
        return n

    def block_starts(self):
        found = set()
        for i in range(len(self.code)):
            if self.mask[i] and self.isa.terminator(self.code[i]):
                found.add(i + 1 + self.skip(i))
        found.add(0)
        return sorted(n for n in found
                      if n < len(self.code) and self.mask[n] and self.code[n] in self.isa.rows)

    def imm(self, at, n):
        value = sum(self.byte(at + k) << (8 * k) for k in range(n))
        return value - (1 << (8 * n)) if n and value >> (8 * n - 1) else value

    def target(self, pc, cls):
        skip = self.skip(pc)
        if cls == "O":
            return pc + self.imm(pc + 1, min(4, skip))
        if cls == "RIO":
            lx = min(4, (self.byte(pc + 1) >> 4) & 7)
            return pc + self.imm(pc + 2 + lx, min(4, max(0, skip - lx - 1)))
        return pc + self.imm(pc + 2, min(4, max(0, skip - 1)))

    def entry(self, pc, mem):
        """The cost entry at pc: latency, slots, units, destination, sources, is it a move."""
        op = self.byte(pc)
        row = self.isa.rows.get(op)
        if not row:
            return 2, 1, {}, None, [], False
        b1, b2 = self.byte(pc + 1), self.byte(pc + 2)
        cls = row["arg_class"]
        lo, hi = min(12, b1 & 15), min(12, b1 >> 4)
        fields = {"A": lo, "B": hi, "D": min(12, b2)}
        if cls == "RR":
            fields = {"D": lo, "A": hi}
        dst = fields.get(row["gas_dst"])
        src = [fields[c] for c in row["gas_src"] if c in "ABD"]
        slots = int(row["decode_slots"])
        rule = row["overlap_rule"]
        if (rule == "any" and dst in src) or (rule == "d_eq_a" and fields["D"] == fields["A"]):
            slots = int(row["decode_slots_overlap"])
        latency = int(row["latency"])
        if row["latency_kind"] == "mem":
            latency = mem
        if row["latency_kind"] == "branch":
            ends = [self.target(pc, cls), pc + 1 + self.skip(pc)]
            cheap = any(t < 0 or t >= len(self.code) or self.code[t] in (0, 2) for t in ends)
            latency = 1 if cheap else 20
        unit = row["unit"]
        units = {"ALU2": {"ALU": 2}, "ALU": {"ALU": 1}, "-": {}}.get(unit, {unit: 1, "ALU": 1})
        return latency, slots, units, dst, src, rule == "move"

    def walk(self, pc, mem):
        while pc < len(self.code):
            yield self.entry(pc, mem)
            op = self.code[pc]
            if op not in self.isa.rows or self.isa.terminator(op):
                return
            pc += 1 + self.skip(pc)
        yield None

    def cost(self, pc, model, mem):
        entries = list(self.walk(pc, mem))
        return pipeline(entries) if model == "pipeline" else polkavm(entries)


def pipeline(entries):
    done, cycle, used, latest = [0] * 13, 0, 0, 0
    for entry in entries:
        if entry is None:
            continue
        latency, slots, _, dst, src, move = entry
        if used >= 4:
            cycle, used = cycle + 1, slots
        else:
            used += slots
        if move:
            done[dst] = done[src[0]]
            continue
        end = max([cycle] + [done[s] for s in src]) + latency
        if dst is not None:
            done[dst] = end
        latest = max(latest, end)
    return max(latest - 3, 1)


class Pipeline:
    """The model `polkavm` (pvm.md 7.5)."""

    def __init__(self):
        self.cycle, self.slots, self.ring, self.producer = 0, 4, [], {}
        self.free = {"ALU": 4, "LOAD": 4, "STORE": 4, "MUL": 1, "DIV": 1}

    def tick(self, decode):
        while self.ring and self.ring[0]["state"] == "done":
            self.ring.pop(0)
        ready = [e for e in self.ring if e["state"] == "waiting" and not e["deps"]]
        for _ in range(5):
            pick = next((e for e in ready if e["state"] == "waiting" and
                         all(self.free[u] >= n for u, n in e["units"].items())), None)
            if not pick:
                break
            pick["state"] = "running"
            for u, n in pick["units"].items():
                self.free[u] -= n
        for e in self.ring:
            if e["state"] != "running":
                continue
            e["left"] -= 1
            if e["left"] == 0:
                for other in self.ring:
                    other["deps"] = [d for d in other["deps"] if d is not e]
                self.producer = {r: p for r, p in self.producer.items() if p is not e}
                for u, n in e["units"].items():
                    self.free[u] += n
            elif e["left"] == -1:
                e["state"] = "done"
        if decode:
            for e in self.ring:
                if e["state"] == "decoded":
                    e["state"] = "waiting"
            self.slots = 4
        self.cycle += 1

    def feed(self, latency, slots, units, dst, src, move):
        if self.slots < slots or len(self.ring) >= 32:
            self.tick(True)
            while len(self.ring) > 31:
                self.tick(False)
        self.slots -= slots
        if move:
            if src[0] in self.producer:
                self.producer[dst] = self.producer[src[0]]
            else:
                self.producer.pop(dst, None)
            return
        deps = [self.producer[s] for s in src if s in self.producer]
        entry = {"state": "decoded", "left": latency, "units": units, "deps": deps}
        self.ring.append(entry)
        if dst is not None:
            self.producer[dst] = entry


def polkavm(entries):
    machine = Pipeline()
    for entry in entries:
        machine.feed(*(entry or (2, 1, {}, None, [], False)))
    machine.tick(True)
    while machine.ring:
        machine.tick(False)
    return max(machine.cycle - 3, 1)


def number(text):
    return int(text, 16) if text.startswith("0x") else int(text)


def code_of(cell, name):
    cell = cell.strip("`")
    if cell == "(empty)":
        return []
    if "(32 bytes)" in cell:  # B14: an instruction of 32 bytes, then a trap
        return [[0x33, 0x07] + [0] * 30, [0]]
    assert "…" not in cell, name
    return [[int(b, 16) for b in insn.split()] for insn in cell.split("/")]


def nat(n):
    assert n < 1 << 14
    return [n] if n < 128 else [0x80 + (n >> 8), n & 255]


def blob(program, table):
    packed = [0] * ((len(program.code) + 7) // 8)
    for i, bit in enumerate(program.mask):
        packed[i // 8] |= bit << (i % 8)
    return nat(len(table)) + [1] + nat(len(program.code)) + table + program.code + packed


def read_setup(text):
    setup = {"pc": 0, "gas": 10000, "model": "pipeline", "mem": 25, "regs": [0] * 13,
             "pages": [], "table": []}
    text = text.replace("`", "")
    m = re.search(r"j=\[([^\]]*)\]", text)
    if m:
        setup["table"] = [int(x) for x in m.group(1).split(",")]
    for reg, value in re.findall(r"φ(\d+)=(\w+)", text):
        setup["regs"][int(reg)] = number(value)
    for page, access in re.findall(r"page (\w+) (RW|RO)", text):
        setup["pages"].append((number(page), access == "RW"))
    for key, pattern in (("pc", r"entry pc (\d+)"), ("gas", r"\bgas (\d+)"),
                         ("mem", r"mem_cycles (\d+)")):
        m = re.search(pattern, text)
        if m:
            setup[key] = int(m.group(1))
    m = re.search(r"model (\w+)", text)
    if m:
        setup["model"] = m.group(1)
    return setup


def read_outcome(text, setup):
    m = re.match(r"(\w+)(?:\((\w+)\))?, pc (\d+), gas used (\d+)", text)
    regs = list(setup["regs"])
    for reg, value in re.findall(r"φ(\d+)=(\w+)", text):
        regs[int(reg)] = number(value)
    outcome = {"status": STATUS[m.group(1)]}
    if outcome["status"] == "page-fault":
        outcome["page-fault-address"] = number(m.group(2))
    if outcome["status"] == "host-call":
        outcome["hostcall"] = number(m.group(2))
    outcome.update({"gas": setup["gas"] - int(m.group(4)), "pc": int(m.group(3)), "regs": regs})
    return outcome


def vector(name, code, setup_text, outcome_text, isa):
    program = Program(code_of(code, name), isa)
    setup = read_setup(setup_text)
    outcome = read_outcome(outcome_text, setup)
    steps = [{"map": {"address": page, "length": 4096, "is-writable": writable}}
             for page, writable in setup["pages"]]
    steps += [{"set-reg": {"reg": i, "value": v}} for i, v in enumerate(setup["regs"]) if v]
    outcome["memory"] = [{"address": a, "contents": c} for a, c in STORED.get(name, [])]
    steps += [{"run": {}}, {"assert": outcome}]
    costs = []
    if setup["model"] != "instruction":
        costs = [{"pc": n, "cost": program.cost(n, setup["model"], setup["mem"])}
                 for n in program.block_starts()]
    result = {"name": "edge_" + name.lower(), "gas-model": setup["model"]}
    if setup["mem"] != 25:
        result["mem-cycles"] = setup["mem"]
    result.update({"initial-pc": setup["pc"], "initial-gas": setup["gas"],
                   "program": blob(program, setup["table"]), "steps": steps,
                   "block-gas-costs": costs})
    return result


def main():
    isa = Isa(sys.argv[2])
    here = os.path.dirname(os.path.abspath(__file__))
    n = 0
    for line in open(sys.argv[1]):
        cells = [c.strip().replace("\\|", "|") for c in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) != 5 or not re.fullmatch(r"B\d+", cells[0]):
            continue
        made = vector(cells[0], cells[2], cells[3], cells[4], isa)
        with open(os.path.join(here, made["name"] + ".json"), "w") as f:
            f.write(json.dumps(made, separators=(",", ":")) + "\n")
        n += 1
    print(n, "vectors")


main()
