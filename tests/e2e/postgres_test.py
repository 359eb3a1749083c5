"""State on PostgreSQL: the server dies under load and comes back, and an empty one in its place is refused."""
import json
import pathlib
import random
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from harness import ROOT, Server, cli, free_port, http, main

SCRIPT = ROOT / "tests/servers/postgres.sh"


class Postgres:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="zhiyin-postgres-", dir="/tmp"))
        self.port = free_port()
        self.url = f"postgresql://zhiyin@127.0.0.1:{self.port}/zhiyin"

    def start(self):
        done = subprocess.run([SCRIPT, "start", self.folder, str(self.port)], capture_output=True, text=True, timeout=60)
        if done.returncode == 77:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise unittest.SkipTest(done.stderr.strip())
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return self

    def stop(self):
        subprocess.run([SCRIPT, "stop", self.folder], check=True, timeout=60)

    def kill(self):
        subprocess.run([SCRIPT, "kill", self.folder], check=True, timeout=60)

    def query(self, sql):
        return subprocess.run(["psql", "-qAt", self.url, "-c", sql], check=True, capture_output=True, text=True, timeout=60).stdout.strip()

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class PostgresTest(unittest.TestCase):
    def setUp(self):
        self.postgres = Postgres().start()
        self.addCleanup(self.postgres.close)

    def server(self):
        server = Server(f'[storage]\nstate = "{self.postgres.url}"\n')
        self.addCleanup(server.close)
        return server

    def event(self, n):
        return {"event_id": f"e{n}", "account": "shop", "identities": [{"kind": "openid", "value": f"o{n // 3}"}], "kind": "read",
                "item": {"kind": "article", "id": f"a{n % 7}"}, "occurred_at": "2026-03-01T10:00:00+08:00"}

    def test_a_server_that_dies_under_load_loses_nothing_and_doubles_nothing(self):
        seed = 20260301
        print(f"seed {seed}")
        chance = random.Random(seed)
        server = self.server().start()
        acknowledged, refusals, ended = set(), [0], threading.Event()

        def load(worker):
            n = worker * 1_000_000
            acked = True
            while not (ended.is_set() and acked):  # a refused batch may have arrived all the same: it is sent until it is taken
                batch = list(range(n, n + 20))
                try:
                    answer = http("POST", server.url + "/v1/events", [self.event(i) for i in batch],
                                  {"Authorization": f"Bearer {server.key}"}, timeout=100)
                except OSError:
                    acked = False
                    refusals[0] += 1
                    continue
                acked = answer.status == 200
                if acked:
                    self.assertEqual(answer.json.get("quarantined", 0), 0, answer.body)
                    acknowledged.update(batch)
                    n += 20
                else:  # the same again, with the same ids
                    refusals[0] += 1
                    time.sleep(0.05)

        workers = [threading.Thread(target=load, args=(w,)) for w in range(3)]
        for worker in workers:
            worker.start()
        for _ in range(3):
            before = len(acknowledged)
            target = before + chance.randrange(100, 600)
            limit = time.monotonic() + 60
            while len(acknowledged) < target and time.monotonic() < limit:
                time.sleep(0.01)
            self.assertGreaterEqual(len(acknowledged), target, "no progress after the server was back")
            self.postgres.kill()
            self.postgres.start()
        ended.set()
        for worker in workers:
            worker.join()
        print(f"{len(acknowledged)} events acknowledged, {refusals[0]} requests refused, killed 3 times")
        server.restart()
        preview, total = server.settled_total()
        self.assertEqual(total, len(acknowledged))
        self.assertEqual(preview["count"], len({n // 3 for n in acknowledged}))
        self.assertEqual(int(self.postgres.query("SELECT COUNT(*) FROM activity")), len(acknowledged))
        self.assertEqual(int(self.postgres.query("SELECT COUNT(*) FROM seen_event")), len(acknowledged))

    def test_an_empty_server_in_place_of_the_old_one_is_refused(self):
        server = self.server().start()
        server.ok("POST", "/v1/events", [self.event(1)])
        server.settled_total()
        self.postgres.stop()
        empty = Postgres()
        empty.port = self.postgres.port
        empty.start()
        try:
            # While it runs …
            answer = server.send("GET", "/v1/people")
            self.assertGreaterEqual(answer.status, 500)
            self.assertIn("not the one of before", answer.body.decode())
            server.process.stop()
            server.process = None
            # … and when it starts.
            done = cli("serve", "--json", "--config", server.config, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("installation.id", done.stdout + done.stderr)
            self.assertEqual(self.tables(empty), 0)
            found = cli("doctor", "--json", "--config", server.config, check=False)
            checks = json.loads(found.stdout)["checks"]
            self.assertFalse(checks[0]["ok"])
            self.assertIn("恢复备份", checks[0]["advice"])
        finally:
            empty.close()
        self.postgres.start()
        server.start()
        self.assertEqual(server.settled_total()[1], 1)

    def tables(self, postgres):
        # psql speaks to the port, which is the same for both
        return int(self.postgres.query("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'public'"))

    def test_doctor_looks_at_the_server(self):
        server = self.server().start()
        checks = {c["name"]: c for c in server.ok("GET", "/v1/doctor")["checks"]}
        for name in ("state", "state_server", "state_rights", "state_clock", "state_durable", "state_locks", "state_connections"):
            self.assertTrue(checks[name]["ok"], checks[name])
        self.assertIn("PostgreSQL", checks["state_server"]["detail"])
        self.postgres.query("ALTER SYSTEM SET full_page_writes = off")
        self.postgres.query("SELECT pg_reload_conf()")
        limit = time.monotonic() + 10
        while self.postgres.query("SHOW full_page_writes") == "on" and time.monotonic() < limit:
            time.sleep(0.05)
        checks = {c["name"]: c for c in server.ok("GET", "/v1/doctor")["checks"]}
        self.assertFalse(checks["state_durable"]["ok"])
        self.assertIn("断电", checks["state_durable"]["advice"])

    def test_doctor_says_what_to_do_when_the_server_is_away(self):
        server = self.server()
        self.postgres.stop()
        done = server.cli("doctor", "--json", check=False)
        self.assertNotEqual(done.returncode, 0)
        checks = json.loads(done.stdout)["checks"]
        self.assertIn(f"127.0.0.1:{self.postgres.port}", checks[0]["detail"])
        self.assertIn("start the server", checks[0]["advice"])
        self.postgres.start()
        for wrong, advice in (("nobody@127.0.0.1", "CREATE ROLE"), ("zhiyin@no.such.host.invalid", "DNS")):
            found = server.cli("doctor", "--json", "--storage.state", f"postgresql://{wrong}:{self.postgres.port}/zhiyin", check=False)
            self.assertIn(advice, json.loads(found.stdout)["checks"][0]["advice"])
        found = server.cli("doctor", "--json", "--storage.state", f"postgresql://zhiyin@127.0.0.1:{self.postgres.port}/elsewhere", check=False)
        self.assertIn("CREATE DATABASE", json.loads(found.stdout)["checks"][0]["advice"])


if __name__ == "__main__":
    main()
