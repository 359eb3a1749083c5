#!/usr/bin/env python3
"""A part includes only parts earlier in the list, and only those named in its DEPS; nothing includes `detail/` of another."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"


def parts_in_order():
    text = (ROOT / "CMakeLists.txt").read_text()
    return re.search(r"set\(ZHIYIN_PARTS ([^)]*)\)", text).group(1).split()


def deps_of(part):
    text = (SRC / part / "CMakeLists.txt").read_text()
    found = re.search(r"\bDEPS\b([^)]*?)(?:\bLIBS\b|\bTEST_LIBS\b|\bSRCS\b|\bTESTS\b|\))", text, re.S)
    return set(found.group(1).split()) if found else set()


def main():
    parts = parts_in_order()
    problems = []
    for folder in sorted(p.name for p in SRC.iterdir() if p.is_dir()):
        if folder not in parts:
            problems.append(f"src/{folder}: not in ZHIYIN_PARTS")
    for number, part in enumerate(parts):
        if not (SRC / part / "README.md").is_file():
            problems.append(f"src/{part}: has no README.md")
        deps = deps_of(part)
        for dep in deps:
            if dep not in parts[:number]:
                problems.append(f"src/{part}: DEPS names {dep}, which is not below it")
        for file in sorted((SRC / part).rglob("*")):
            if file.suffix not in (".h", ".cc"):
                continue
            for include in re.findall(r'^\s*#include "([^"]+)"', file.read_text(), re.M):
                other = include.split("/")[0]
                where = file.relative_to(ROOT)
                if not (SRC / include).is_file():
                    problems.append(f"{where}: includes {include}, which does not exist")
                elif other != part and other not in deps:
                    problems.append(f"{where}: includes {include}, but {other} is not in its DEPS")
                elif other != part and "/detail/" in include:
                    problems.append(f"{where}: includes {include}, which is private to {other}")
    for problem in problems:
        print(problem)
    if "sandbox" in parts and not deps_of("sandbox") <= {"base", "http"}:
        print("src/sandbox: may use base and http only")
        problems.append("sandbox")
    print(f"{len(parts)} parts, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
