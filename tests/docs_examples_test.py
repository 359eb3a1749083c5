#!/usr/bin/env python3
"""The examples of README and docs work by paste.

A fenced `sh` block directly below the line `<!-- run -->` is run with bash in a folder made for its document, one block
after the other, and must end with 0. There `zhiyin` is the program under test and `examples/` is the tree's. A document
that makes no installation stands in one; one whose blocks use $URL gets a server (its address in URL, an admin key in KEY); one whose blocks use $SANDBOX also an
emulated platform that is connected to it (its address in SANDBOX).

usage: docs_examples_test.py ZHIYIN_PROGRAM [DOCUMENT…]"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^<!-- run -->\n```sh\n(.*?)^```$", re.M | re.S)
BLOCKS_MIN = 12
BLOCK_SECONDS_MAX = 300
PEOPLE = 60  # of the sandbox: enough to show something, few enough to be quick

sys.path.insert(0, str(ROOT / "tests/e2e"))
import harness  # noqa: E402


class Document:
    """A page with its runnable blocks and the world that they need."""

    def __init__(self, path):
        self.path = path
        text = path.read_text()
        self.blocks = [(text[:found.start()].count("\n") + 2, found.group(1)) for found in BLOCK.finditer(text)]
        self.marked = text.count("<!-- run -->")
        self.server = self.sandbox = None

    def uses(self, variable):
        return any(re.search(rf"\${{?{variable}\b", block) for _, block in self.blocks)

    def open(self):
        if self.uses("SANDBOX"):
            self.sandbox, self.server = harness.connected(people=PEOPLE)
        elif self.uses("URL") or self.uses("KEY"):
            self.server = harness.Server().start()
        self.folder = self.server.folder if self.server else pathlib.Path(tempfile.mkdtemp(prefix="zhiyin-docs-"))
        (self.folder / "examples").symlink_to(ROOT / "examples")
        (self.folder / "bin").mkdir()
        (self.folder / "bin/zhiyin").symlink_to(harness.PROGRAM)
        if not self.server and not any("zhiyin init" in block for _, block in self.blocks):
            harness.cli("init", self.folder)

    def close(self):
        for world in (self.sandbox, self.server):
            if world:
                world.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self):
        out = dict(os.environ, PATH=f"{self.folder / 'bin'}:{os.environ['PATH']}", no_proxy="*")
        if self.server:
            out.update(URL=self.server.url, KEY=self.server.key)
        if self.sandbox:
            out["SANDBOX"] = self.sandbox.url
        return out

    def run(self):
        """Lines that tell what failed."""
        if self.marked != len(self.blocks):
            return [f"{self.path.relative_to(ROOT)}: {self.marked} marks, but {len(self.blocks)} sh blocks directly below one"]
        if not self.blocks:
            return []
        self.open()
        try:
            for line, block in self.blocks:
                done = subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=self.folder, env=self.environment(),
                                      stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=BLOCK_SECONDS_MAX)
                where = f"{self.path.relative_to(ROOT)}:{line}"
                if done.returncode != 0:
                    # What comes below builds on it.
                    return [f"{where}: exit {done.returncode}\n{block}{done.stdout[-2000:]}{done.stderr[-2000:]}"]
                print(f"ok   {where}", flush=True)
        finally:
            self.close()
        return []


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    harness.PROGRAM = str(pathlib.Path(sys.argv[1]).resolve())
    # The program takes every ZHIYIN_ variable for an option; those of the tests are none.
    for name in [n for n in os.environ if n.startswith("ZHIYIN_")]:
        del os.environ[name]
    named = [pathlib.Path(a).resolve() for a in sys.argv[2:]]
    documents = [Document(path) for path in named or [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]]
    problems = [problem for document in documents for problem in document.run()]
    count = sum(len(document.blocks) for document in documents)
    if not named and count < BLOCKS_MIN:
        problems.append(f"only {count} blocks are marked to run; expected {BLOCKS_MIN} or more")
    for problem in problems:
        print(problem)
    print(f"{count} blocks, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
