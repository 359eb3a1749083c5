"""The cluster's stores on loopback, started for one test or benchmark: PostgreSQL, ClickHouse's engine, and Kafka where
KAFKA_BROKER names a broker (`tests/servers/kafka.sh with …`)."""
import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import tempfile

from harness import ROOT, free_port

PYTHON = ROOT / "build/venv/bin/python"
SERVERS = ROOT / "tests/servers"


class Cluster:
    """`stores`: URL by name (log, state, warehouse); what cannot be started here is missing, and said on stderr."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="zhiyin-cluster-"))
        self.folder.chmod(0o755)  # PostgreSQL runs as another user
        self.stores = {}
        self.shim = None
        self.clickhouse_port = None
        self.start_postgres()
        self.start_clickhouse()
        if os.environ.get("KAFKA_BROKER"):
            self.stores["log"] = f"kafka://{os.environ['KAFKA_BROKER']}/t{os.getpid()}-{secrets.token_hex(3)}"
        for name in ("log", "state", "warehouse"):
            print(f"{name}: {self.stores.get(name, 'embedded').split('//')[0]}", file=sys.stderr)

    def start_postgres(self):
        port = free_port()
        started = subprocess.run([SERVERS / "postgres.sh", "start", self.folder / "postgres", str(port)], capture_output=True, text=True)
        if started.returncode == 0:
            self.stores["state"] = f"postgresql://zhiyin@127.0.0.1:{port}/zhiyin"
        else:
            print("no PostgreSQL:", started.stderr.strip(), file=sys.stderr)

    def start_clickhouse(self):
        if not PYTHON.exists() or subprocess.run([PYTHON, "-c", "import chdb"], capture_output=True).returncode != 0:
            print("no engine of ClickHouse: build/venv has no chdb", file=sys.stderr)
            return
        self.shim = subprocess.Popen([PYTHON, SERVERS / "clickhouse_shim.py", self.folder / "clickhouse"], stdout=subprocess.PIPE, text=True)
        self.clickhouse_port = int(self.shim.stdout.readline().split()[1])
        self.stores["warehouse"] = f"clickhouse://127.0.0.1:{self.clickhouse_port}/zhiyin"

    def settings(self):
        """A section of zhiyin.toml; empty when every store is embedded."""
        return "[storage]\n" + "".join(f'{name} = "{url}"\n' for name, url in self.stores.items()) if self.stores else ""

    def environment(self):
        return {f"ZHIYIN_STORAGE_{name.upper()}": url for name, url in self.stores.items()}

    def close(self):
        if self.shim:
            self.shim.kill()
            self.shim.wait()
            self.shim.stdout.close()
        if "state" in self.stores:
            subprocess.run([SERVERS / "postgres.sh", "kill", self.folder / "postgres"], capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)
