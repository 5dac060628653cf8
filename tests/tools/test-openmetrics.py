"""The counters as a collector sees them: parsed by the strict reader of prometheus_client.

test-openmetrics.py NUB PROGRAM.s FOLDER, run by CTest as tools.openmetrics. The reader refuses text
without its EOF line, families that are interleaved or come twice, samples that do not go with their
TYPE, units that are no suffix of the name, and labels that are not quoted as they must be.
"""
import pathlib
import subprocess
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families

nub, program, folder = sys.argv[1:]
bundle = str(pathlib.Path(folder) / "openmetrics.nub")
UNITS = ("bytes", "seconds")


def run(*args):
    return subprocess.run([nub, *args], check=True, capture_output=True, text=True).stdout


def parse(text):
    """Family by name, after what the reader itself does not ask for."""
    families = {family.name: family for family in text_string_to_metric_families(text)}
    for family in families.values():
        assert family.type in ("counter", "gauge"), f"{family.name}: {family.type}"
        assert family.documentation, f"{family.name}: no HELP"
        assert family.documentation != "Counted by the backend", f"{family.name}: nobody says what it is"
        unit = family.name.rpartition("_")[2]
        assert family.unit == (unit if unit in UNITS else ""), f"{family.name}: unit '{family.unit}'"
        for sample in family.samples:
            assert "backend" in sample.labels, f"{sample.name}: of which backend?"
    return families


def value(families, name, **labels):
    found = [s.value for f in families.values() for s in f.samples if s.name == name and s.labels == labels]
    assert len(found) == 1, f"{name} {labels}: {len(found)} samples"
    return found[0]


run("asm", program, "-o", bundle)

# Every backend that opens, nothing run.
fresh = parse(run("stats"))
assert value(fresh, "nub_calls_total", backend="local") == 0

# A run on each: the counters are those of that run, and the backends agree on what they share.
text = run("run", bundle, "--backend", "all", "--arg", "12", "--arg", "8", "--stats", "-")
counted = parse(text[text.index("# HELP"):])
backends = {s.labels["backend"] for s in counted["nub_calls"].samples}
assert "local" in backends
for backend in backends:
    assert value(counted, "nub_calls_total", backend=backend) == 1
    assert value(counted, "nub_exits_total", backend=backend, reason="halt") == 1
    assert value(counted, "nub_exits_total", backend=backend, reason="trap") == 0
    assert value(counted, "nub_gas_used_total", backend=backend) == 184
    assert value(counted, "nub_puts_total", backend=backend) == 2

# Into a file, from the configured kernel.
target = pathlib.Path(folder) / "openmetrics.txt"
run("invoke", "--backend", "local", "--put", bundle, "--arg", "12", "--arg", "8", "--stats", str(target))
assert value(parse(target.read_text()), "nub_calls_total", backend="local") == 1

# A module that wraps others says its own, and what it passes on.
config = pathlib.Path(folder) / "openmetrics.yaml"
config.write_text("version: 1\nbackends:\n  - { name: local, module: nub-local }\n"
                  "  - { name: pair, module: nub-differential, options: { backends: \"local,other\" } }\n"
                  "  - { name: other, module: nub-local }\n")
wrapped = parse(run("stats", "--config", str(config)))
assert value(wrapped, "nub_differential_differences_total", backend="pair") == 0
print(f"{len(counted)} families of {len(backends)} backends: the strict reader takes them")
