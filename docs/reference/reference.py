#!/usr/bin/env python3
"""Makes the API reference: pages of docs/ into content, then gi-docgen, then a look at every link.

reference.py GI_DOCGEN CONFIG GIR SOURCE_DIR OUTPUT_DIR PAGE...: any public symbol, parameter or return value
without a sentence, any warning of gi-docgen and any link to a file that is not there is an error.
A page's first heading becomes its title; links between the pages go to their HTML, a bare file name becomes
the title of that page, and of links to anything else of the tree the text stays.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

docgen, config, gir, source, output = sys.argv[1:6]
pages = sys.argv[6:]
source, output = pathlib.Path(source), pathlib.Path(output)


def title_of(page):
    return (source / page).read_text().partition("\n")[0].removeprefix("# ")


def link(match):
    text, target = match.groups()
    path, _, anchor = target.partition("#")
    if "://" in target or path == "":
        return match.group(0)
    if path in pages:
        text = title_of(path) if text == path else text
        return f"[{text}]({path.removesuffix('.md')}.html{'#' + anchor if anchor else ''})"
    return text


def write_content(folder):
    for page in pages:
        parts = re.split(r"(^```.*?^```$)", (source / page).read_text(), flags=re.S | re.M)
        parts[::2] = [re.sub(r"\[([^\]]+)\]\(([^)\s]+)\)", link, part) for part in parts[::2]]
        head = f"Title: {title_of(page)}\nSlug: {page.removesuffix('.md')}\n\n"
        (folder / page).write_text(head + "".join(parts))


def run(*words):
    done = subprocess.run([docgen, *words], capture_output=True, text=True)
    said = (done.stdout + done.stderr).strip()
    if done.returncode != 0 or "WARNING" in said:
        sys.exit(f"gi-docgen {words[0]}:\n{said}")


def dead_links():
    for page in sorted(output.glob("*.html")):
        for target in re.findall(r'(?:href|src)="([^"#]+)', page.read_text()):
            if "://" not in target and not target.startswith(("mailto:", "javascript:", "data:")):
                if not (output / target.partition("?")[0]).exists():
                    yield f"{page.name}: a link to nowhere: {target}"


with tempfile.TemporaryDirectory() as content:
    write_content(pathlib.Path(content))
    run("check", "--config", config, gir)
    shutil.rmtree(output, ignore_errors=True)
    run("generate", "--quiet", "--no-namespace-dir", "--config", config, "--content-dir", content,
        "--output-dir", str(output), gir)
dead = sorted(set(dead_links()))
if dead:
    sys.exit("\n".join(dead))
print(f"{len(list(output.glob('*.html')))} pages, every link leads somewhere")
