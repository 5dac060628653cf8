#!/usr/bin/env python3
"""Holds the documents to the tree: C and YAML blocks are cut from docs/examples, links lead somewhere.

check-docs.py SOURCE_DIR: prints what is wrong, one line each, and ends with 1 if anything is.
"""

import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
documents = [root / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
documents += sorted((root / "docs").rglob("*.md")) + sorted((root / "plugins").glob("*/README.md"))
examples = [path.read_text() for path in sorted((root / "docs" / "examples").rglob("*")) if path.is_file()]
examples += [path.read_text() for path in sorted((root / "core" / "include" / "nub").glob("*.h"))]
complaints = []
blocks = 0

for document in documents:
    text = document.read_text()
    name = document.relative_to(root)
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.S | re.M):
        if language != "c":
            continue
        blocks += 1
        if not any(block.strip() in example for example in examples):
            complaints.append(f"{name}: a C block is in no file of docs/examples: {block.splitlines()[0]}")
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", prose):
        if "://" not in target and not (document.parent / target).exists():
            complaints.append(f"{name}: a link to nowhere: {target}")

print("\n".join(complaints) or f"{len(documents)} documents, {blocks} C blocks: all hold")
sys.exit(1 if complaints else 0)
