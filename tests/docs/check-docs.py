#!/usr/bin/env python3
"""Holds the documents to the tree: C blocks are cut from docs/examples, links, files and tests are there.

Also: docs/cli.md mentions every command, some page every option, docs/env.md every environment variable and no other.

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

# Every page is behind a door.
doors = (root / "docs" / "README.md").read_text()
complaints += [f"docs/README.md: no door leads to {page.name}" for page in sorted((root / "docs").glob("*.md"))
               if page.name != "README.md" and f"({page.name})" not in doors]

# Every command is somewhere on the page of the command.
cli = (root / "docs" / "cli.md").read_text()
commands = [name for path in sorted((root / "tools").glob("*.c"))
            for name in re.findall(r'^    \.name = "([a-z ]+)",', path.read_text(), re.M)]
for command in commands:
    # "store put, export" would be no mention: a reader searches for what is typed
    if not re.search(rf"\bnub {command}\b", cli):
        complaints.append(f"docs/cli.md: no word of nub {command}")

options = {(path.name, name) for path in (root / "tools").glob("*.c")
           for name in re.findall(r'\{ "([a-z][a-z-]+)", (?:\'.\'|0), \w+, G_OPTION_ARG', path.read_text())}
pages = "".join(path.read_text() for path in (root / "docs").glob("*.md"))
complaints += [f"docs: no word of --{name} ({file})" for file, name in sorted(options) if not re.search(rf"--{name}\b", pages)]

# What is asked of the environment is on its page, and what is there is asked for.
asked = set()
for folder in ("core", "tools", "backends", "plugins", "tests", "bench"):
    for path in (root / folder).rglob("*.[ch]"):
        asked.update(re.findall(r'\b(?:g_getenv|getenv|secure_getenv|user_variable|find_tool|number_from_environment)'
                                r'\("(NUB_\w+)"', path.read_text()))
asked.update(re.findall(r"\$\{(NUB_\w+):-", (root / "dev").read_text()))
rows = re.findall(r"^\| (`NUB_.*?) \|", (root / "docs" / "env.md").read_text(), re.M)
told = {name for row in rows for name in re.findall(r"NUB_\w+", row)}
complaints += [f"docs/env.md: no word of {name}" for name in sorted(asked - told)]
complaints += [f"docs/env.md: nobody asks for {name}" for name in sorted(told - asked)]
if len(commands) < 30 or len(options) < 60 or len(asked) < 10:
    complaints.append("the commands, the options or the variables were not found: have their tables another form now?")

print("\n".join(complaints) or f"{len(documents)} documents, {blocks} C blocks: all hold")
sys.exit(1 if complaints else 0)
