"""The whole loop tells the same story on the embedded stores and on the cluster's: same seed, same words, same figures.

State on a private PostgreSQL, warehouse on ClickHouse's engine (chdb) behind its HTTP interface, and the event log on Kafka where
KAFKA_BROKER names one (./dev test --cluster). What is not there is said and left embedded."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from harness import ENVIRONMENT, PROGRAM, ROOT, free_port, main

PYTHON = ROOT / "build/venv/bin/python"
SERVERS = ROOT / "tests/servers"


def story(environment):
    done = subprocess.run([PROGRAM, "demo", "--exit", "--people", "400", "--weeks", "4", "--port", "0"], capture_output=True, text=True,
                          timeout=500, env=ENVIRONMENT | environment)
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)
    return "\n".join(line for line in done.stdout.splitlines() if "http://" not in line and "用时" not in line)


class Stores(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="zhiyin-stores-"))
        self.folder.chmod(0o755)  # PostgreSQL runs as another user
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def clickhouse(self):
        try:
            subprocess.run([PYTHON, "-c", "import chdb"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            return {}
        shim = subprocess.Popen([PYTHON, SERVERS / "clickhouse_shim.py", self.folder / "clickhouse"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (shim.kill(), shim.wait(), shim.stdout.close()))
        return {"ZHIYIN_STORAGE_WAREHOUSE": f"clickhouse://127.0.0.1:{shim.stdout.readline().split()[1]}/zhiyin"}

    def postgres(self):
        folder, port = self.folder / "postgres", free_port()
        started = subprocess.run([SERVERS / "postgres.sh", "start", folder, str(port)], capture_output=True, text=True)
        if started.returncode != 0:
            print("no PostgreSQL:", started.stderr.strip(), file=sys.stderr)
            return {}
        self.addCleanup(subprocess.run, [SERVERS / "postgres.sh", "kill", folder], capture_output=True)
        return {"ZHIYIN_STORAGE_STATE": f"postgresql://zhiyin@127.0.0.1:{port}/zhiyin"}

    def kafka(self):
        broker = os.environ.get("KAFKA_BROKER")
        return {"ZHIYIN_STORAGE_LOG": f"kafka://{broker}/stores-{os.getpid()}"} if broker else {}

    def test_the_demo_is_the_same_everywhere(self):
        stores = self.clickhouse() | self.postgres() | self.kafka()
        for name in ("LOG", "STATE", "WAREHOUSE"):
            print(f"{name.lower()}: {re.sub('//.*', '', stores.get('ZHIYIN_STORAGE_' + name, 'embedded'))}", file=sys.stderr)
        if not stores:
            self.skipTest("no server of any kind is here")
        self.maxDiff = None
        expected = story({})
        self.assertIn("measured effect", expected)
        self.assertEqual(story(stores), expected)


if __name__ == "__main__":
    main()
