"""The warehouse's or the log's server dies under load and comes back, or stops answering: nothing acknowledged is lost, nothing is counted
twice. ClickHouse's engine behind its HTTP interface; Kafka where a broker can be started (./dev test --cluster)."""
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from cluster import PYTHON, SERVERS
from harness import Server, free_port, http, main
from stalling_proxy import StallingProxy



class Load:
    """Sends steadily; what is refused is sent again under its ids. Two threads."""

    def __init__(self, server):
        self.server, self.ended, self.refused = server, threading.Event(), 0
        self.acknowledged = [0, 0]
        self.workers = [threading.Thread(target=self.work, args=(w,)) for w in range(2)]
        for worker in self.workers:
            worker.start()

    def work(self, worker):
        batch = 0
        while not self.ended.is_set():
            events = [{"event_id": f"s{worker}-{batch}-{i}", "account": "shop", "identities": [{"kind": "openid", "value": f"o{(batch * 50 + i) % 200}"}],
                       "kind": "read", "value": i} for i in range(50)]
            while True:
                try:
                    answer = http("POST", self.server.url + "/v1/events", events, {"Authorization": f"Bearer {self.server.key}"}, timeout=100)
                    if answer.status == 200:
                        break
                    assert answer.status in (503, 504), (answer.status, answer.body[:300])
                except OSError:
                    pass
                self.refused += 1
                time.sleep(0.05)
            self.acknowledged[worker] += len(events)
            batch += 1
            time.sleep(0.005)

    def reaches(self, more):
        goal = sum(self.acknowledged) + more
        while sum(self.acknowledged) < goal:
            time.sleep(0.02)

    def end(self):
        self.ended.set()
        for worker in self.workers:
            worker.join()
        return sum(self.acknowledged)


class StoreFaults(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="zhiyin-faults-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        seed = random.randrange(1 << 30)
        print(f"seed {seed}", file=sys.stderr)
        self.dice = random.Random(seed)
        self.shim = None

    def start_shim(self, port=0):
        if not PYTHON.exists() or subprocess.run([PYTHON, "-c", "import chdb"], capture_output=True).returncode != 0:
            self.skipTest("chdb-core is not here (./dev setup)")
        self.shim = subprocess.Popen([PYTHON, SERVERS / "clickhouse_shim.py", self.folder / "clickhouse", str(port)], stdout=subprocess.PIPE, text=True)
        return int(self.shim.stdout.readline().split()[1])

    def kill_shim(self):
        self.shim.kill()
        self.shim.wait()
        self.shim.stdout.close()

    def serve(self, settings):
        server = Server('log_level = "error"\n[storage]\nwarehouse_memory_mb = 64\n' + settings).start()
        self.addCleanup(server.close)
        return server

    def expect(self, server, acknowledged):
        """State and warehouse say the same, once they have caught up; a busy server may first say that it could not yet."""
        for _ in range(30):
            answer = server.send("POST", "/v1/segments/preview", {"tree": {"event": "read", "count": {">=": 1}, "window": "30d"}})
            if answer.status < 300:
                break
            self.assertIn(answer.status, (503, 504), answer.body)
            time.sleep(1)
        self.assertEqual(server.ok("GET", "/v1/overview")["events_total"], acknowledged)
        self.assertEqual(answer.json["count"], 200)
        self.assertEqual(len(server.ok("GET", "/v1/quarantine")["items"]), 0)

    def test_the_warehouse_dies_and_comes_back(self):
        port = self.start_shim()
        self.addCleanup(self.kill_shim)
        server = self.serve(f'warehouse = "clickhouse://127.0.0.1:{port}/zhiyin"\n')
        load = Load(server)
        for _ in range(3):
            load.reaches(500)
            time.sleep(self.dice.uniform(0, 1.2))  # anywhere within a batch
            self.kill_shim()
            load.reaches(500)  # the intake does not need it
            self.start_shim(port)
        load.reaches(500)
        acknowledged = load.end()
        self.assertEqual(load.refused, 0)
        self.expect(server, acknowledged)
        server.kill()
        server.start()
        self.expect(server, acknowledged)

    def test_the_way_to_the_warehouse_stalls(self):
        port = self.start_shim()
        self.addCleanup(self.kill_shim)
        proxy = StallingProxy(port)
        self.addCleanup(proxy.close)
        server = self.serve(f'warehouse = "clickhouse://127.0.0.1:{proxy.port}/zhiyin"\n')
        load = Load(server)
        for _ in range(2):
            load.reaches(500)
            time.sleep(self.dice.uniform(0, 1.2))
            proxy.stall()
            load.reaches(1000)  # goes on meanwhile
            proxy.flow()
        acknowledged = load.end()
        self.assertEqual(load.refused, 0)
        self.expect(server, acknowledged)

    def kafka(self):
        if not os.environ.get("KAFKA_BROKER"):
            self.skipTest("Kafka is tested by ./dev test --cluster")
        port = free_port()
        script = SERVERS / "kafka.sh"
        started = subprocess.run([script, "start", self.folder / "kafka", str(port)], capture_output=True, text=True, timeout=180)
        if started.returncode == 77:
            self.skipTest(started.stderr.strip())
        self.assertEqual(started.returncode, 0, started.stderr)
        self.addCleanup(subprocess.run, [script, "kill", self.folder / "kafka"], capture_output=True)
        return script, port

    def test_the_broker_dies_under_load_and_comes_back(self):
        script, port = self.kafka()
        server = self.serve(f'log = "kafka://127.0.0.1:{port}/faults"\n')
        load = Load(server)
        for _ in range(2):
            load.reaches(500)
            time.sleep(self.dice.uniform(0, 0.5))
            subprocess.run([script, "kill", self.folder / "kafka"], check=True, timeout=60)
            time.sleep(self.dice.uniform(0.5, 2))
            subprocess.run([script, "start", self.folder / "kafka", str(port)], check=True, timeout=180)
        load.reaches(500)
        acknowledged = load.end()
        self.expect(server, acknowledged)
        server.kill()
        server.start()
        self.expect(server, acknowledged)

    def test_the_way_to_the_broker_stalls(self):
        script, port = self.kafka()
        subprocess.run([script, "stop", self.folder / "kafka"], check=True, timeout=60)
        # The broker tells clients an address of its own: that must be the proxy's.
        shutil.rmtree(self.folder / "kafka")
        inner = free_port()
        proxy = StallingProxy(inner, port)
        self.addCleanup(proxy.close)
        settings = f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}"
        started = subprocess.run([script, "start", self.folder / "kafka", str(inner)], capture_output=True, text=True, timeout=180,
                                 env=os.environ | {"KAFKA_SETTINGS": settings})
        if started.returncode != 0:
            self.skipTest(f"the broker does not take {settings}: {started.stderr.strip()}")
        server = self.serve(f'log = "kafka://127.0.0.1:{port}/stall"\n')
        load = Load(server)
        for _ in range(2):
            load.reaches(500)
            proxy.stall()
            before = sum(load.acknowledged)
            time.sleep(5)
            self.assertLessEqual(sum(load.acknowledged) - before, 200, "the load does not go through the proxy")
            proxy.flow()
        load.reaches(500)
        self.expect(server, load.end())


if __name__ == "__main__":
    main()
