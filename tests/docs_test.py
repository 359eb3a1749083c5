#!/usr/bin/env python3
"""Every path and command named in README and docs exists; generated documents are what the program prints.

usage: docs_test.py ZHIYIN_PROGRAM"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = sys.argv[1]
TOP = {p.name for p in ROOT.iterdir()} - {"build", ".git"}
BUILT = ("build/", "console/dist", "console/node_modules", "sdk/dist", "tests/sdks/node_modules")


def documents():
    yield ROOT / "README.md"
    yield from sorted((ROOT / "docs").rglob("*.md"))
    yield from sorted((ROOT / "src").glob("*/README.md"))
    for extra in ("console/README.md", "sdk/README.md", "bench/README.md", "examples/README.md"):
        if (ROOT / extra).is_file():
            yield ROOT / extra


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True)


def commands_of_program():
    names = []
    for line in run("--help").stdout.splitlines():
        found = re.match(r"  ([a-z][a-z -]+?)  +\S", line)
        if found:
            names.append(found.group(1))
    return names


def check_paths(document, text, problems):
    for span in re.findall(r"`([^`\n]+)`", text) + re.findall(r"\]\(([^)#:\s]+)\)", text):
        path = span.split("#")[0].strip().rstrip("/")
        if not re.fullmatch(r"[A-Za-z0-9_.][A-Za-z0-9_./-]*", path) or "..." in path:
            continue
        first = path.split("/")[0]
        base = None
        if "/" in path and first in TOP:
            base = ROOT
        elif (document.parent / first).exists() and ("/" in path or "." in path):
            base = document.parent
        if base is None or path.startswith(BUILT):
            continue
        if not (base / path).exists() and not (document.parent / path).exists():
            problems.append(f"{document.relative_to(ROOT)}: names {path}, which does not exist")


def check_commands(document, text, commands, problems):
    for span in re.findall(r"`([^`\n]+)`", text) + re.findall(r"^\s*((?:build/)?zhiyin .*|\./dev .*)$", text, re.M):
        words = span.strip().split()
        if not words:
            continue
        if words[0] in ("zhiyin", "build/zhiyin") and len(words) > 1 and re.fullmatch(r"[a-z-]+", words[1]):
            typed = " ".join(w for w in words[1:3] if re.fullmatch(r"[a-z-]+", w) and not w.startswith("-"))
            if not any(typed == c or typed.split()[0] == c or c.startswith(typed + " ") for c in commands) and not words[1].startswith("--"):
                problems.append(f"{document.relative_to(ROOT)}: names the command '{span.strip()}', which does not exist")
        if words[0] == "./dev" and len(words) > 1 and re.fullmatch(r"[a-z]+", words[1]):
            dev = (ROOT / "dev").read_text()
            if not re.search(rf"^  ([a-z|-]*\|)?{words[1]}(\|[a-z|-]*)?\)", dev, re.M):
                problems.append(f"{document.relative_to(ROOT)}: names ./dev {words[1]}, which does not exist")


def main():
    problems = []
    commands = commands_of_program()
    if len(commands) < 10:
        problems.append(f"zhiyin --help lists only {len(commands)} commands")
    for document in documents():
        if not document.is_file():
            problems.append(f"{document.relative_to(ROOT)}: is missing")
            continue
        text = document.read_text()
        check_paths(document, text, problems)
        check_commands(document, text, commands, problems)
    for arguments, name in ((("options",), "docs/options.md"), (("options", "--commands"), "docs/command-line.md")):
        if run(*arguments).stdout != (ROOT / name).read_text():
            problems.append(f"{name}: is not what `zhiyin {' '.join(arguments)}` prints; write it again")
    readme = (ROOT / "README.md").read_text()
    if len(readme.splitlines()) > 120:
        problems.append("README.md: more than 120 lines")
    for command in ("./dev demo", "./dev test"):
        if command not in readme:
            problems.append(f"README.md: does not show {command}")
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
