#!/usr/bin/env python3
"""Holds the documents to the tree: C blocks are cut from docs/examples, links, files and tests are there.

check-docs.py SOURCE_DIR BUILD_DIR: prints what is wrong, one line each, and ends with 1 if anything is.
"""

import pathlib
import re
import subprocess
import sys

root = pathlib.Path(sys.argv[1])
documents = [root / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
documents += sorted((root / "docs").rglob("*.md")) + sorted((root / "plugins").glob("*/README.md"))
examples = [path.read_text() for path in sorted((root / "docs" / "examples").rglob("*")) if path.is_file()]
examples += [path.read_text() for path in sorted((root / "core" / "include" / "nub").glob("*.h"))]
complaints = []
blocks = 0

# `core.model.cap` and `conform.local.*` are tests, or what the names of several begin with.
listed = subprocess.run(["ctest", "--test-dir", sys.argv[2], "-N"], capture_output=True, text=True, check=True).stdout
tests = re.findall(r"^ *Test +#\d+: (\S+)", listed, re.M)
rooms = "|".join(sorted({re.escape(test.partition(".")[0]) for test in tests}))
# What depends on the machine and the options of the build is not in every tree.
optional = ("backends.kvm.", "conform.kvm.", "docs.reference", "plugins.jit.", "sdk.")


def is_test(name):
    pattern = re.escape(name).replace(r"\*", ".*")
    return name.startswith(optional) or any(re.match(rf"{pattern}($|\.)", test) for test in tests)


for document in documents:
    text = document.read_text()
    name = document.relative_to(root)
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.S | re.M):
        if language != "c":
            continue
        blocks += 1
        if not any(block.strip() in example for example in examples):
            complaints.append(f"{name}: a C block is in no file of docs/examples: {block.splitlines()[0]}")
    for file in re.findall(r"`((?:backends|bench|cmake|config|core|docs|examples|plugins|sdk|tests|tools)/[\w./-]+)`", text):
        if "decisions" not in name.parts and not (root / file).exists(): # a decision tells of its day
            complaints.append(f"{name}: there is no {file}")
    for test in re.findall(rf"`((?:{rooms})\.[\w.*-]+)`", text):
        if not test.endswith((".c", ".h", ".md", ".def", ".s", ".nub")) and not is_test(test):
            complaints.append(f"{name}: there is no test {test}")
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", prose):
        if "://" not in target and not (document.parent / target).exists():
            complaints.append(f"{name}: a link to nowhere: {target}")

print("\n".join(complaints) or f"{len(documents)} documents, {blocks} C blocks: all hold")
sys.exit(1 if complaints else 0)
