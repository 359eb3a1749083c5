"""The whole loop tells the same story on DuckDB and on ClickHouse: same seed, same words, same figures."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from harness import ENVIRONMENT, PROGRAM, ROOT, main

PYTHON = ROOT / "build/venv/bin/python"


def story(environment):
    done = subprocess.run([PROGRAM, "demo", "--exit", "--people", "400", "--weeks", "4", "--port", "0"], capture_output=True, text=True,
                          timeout=500, env=ENVIRONMENT | environment)
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)
    lines = [line for line in done.stdout.splitlines() if "http://" not in line and "用时" not in line]
    return re.sub(r"/tmp/\S+", "", "\n".join(lines))


class Warehouses(unittest.TestCase):
    def test_the_demo_is_the_same_on_both(self):
        try:
            subprocess.run([PYTHON, "-c", "import chdb"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            self.skipTest("chdb is not installed in build/venv")
        folder = pathlib.Path(tempfile.mkdtemp(prefix="zhiyin-clickhouse-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        shim = subprocess.Popen([PYTHON, ROOT / "tests/servers/clickhouse_shim.py", folder / "data"], stdout=subprocess.PIPE, text=True,
                                env=dict(os.environ))
        self.addCleanup(lambda: (shim.kill(), shim.wait(), shim.stdout.close()))
        port = shim.stdout.readline().split()[1]
        self.maxDiff = None
        expected = story({})
        self.assertIn("measured effect", expected)
        self.assertEqual(story({"ZHIYIN_STORAGE_WAREHOUSE": f"clickhouse://127.0.0.1:{port}/zhiyin"}), expected)


if __name__ == "__main__":
    main()
