"""Backup of a running installation, and what a restore gives back."""
import json
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from harness import ENVIRONMENT, PROGRAM, Server, cli, main


def event(n):
    return {"event_id": f"e{n}", "account": "shop", "identities": [{"kind": "openid", "value": f"o{n % 50}"}], "kind": "read", "value": 10}


class Backup(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="zhiyin-backup-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.server = Server().start()
        self.addCleanup(self.server.close)

    def backup(self, *arguments):
        return self.server.cli("backup", "--to", self.folder / "b", *arguments, "--json")

    def restored(self, name="r", **keywords):
        report = json.loads(json.dumps(cli("restore", self.folder / "b", "--into", self.folder / name, "--json", **keywords)))
        server = Server(folder=self.folder / name)
        server.key = self.server.key
        self.addCleanup(server.close)
        return report, server.start()

    def test_what_was_acknowledged_before_is_there_and_fits_together(self):
        acknowledged = []
        stop = threading.Event()

        def load():
            batch = 0
            while not stop.is_set():
                answer = self.server.send("POST", "/v1/events", [event(batch * 100 + i) for i in range(100)])
                acknowledged.append(answer.json["accepted"])
                batch += 1

        self.server.ok("POST", "/v1/accounts", {"id": "shop", "app_id": "wx0123456789abcdef", "app_secret": "keep", "mode": "plain",
                                                "token": "abcdef", "verified": True})
        self.server.ok("PUT", "/v1/segments/all", {"name": "all", "tree": {"all": True}})
        self.server.ok("PUT", "/v1/campaigns/later", {
            "name": "later", "account": "shop", "segment": "all", "channel": "customer_service", "at": "2099-01-01T10:00:00+08:00",
            "message": {"type": "text", "text": "hi"}})
        self.server.ok("POST", "/v1/campaigns/later/start")
        thread = threading.Thread(target=load)
        thread.start()
        while sum(acknowledged) < 3000:
            pass
        before = sum(acknowledged)
        first = self.backup()
        second = self.backup("--note", "second")
        stop.set()
        thread.join()
        self.assertLess(second["new_bytes"], second["bytes"])
        self.assertEqual([b["note"] for b in cli("backup", "list", self.folder / "b", "--json")["items"]], ["", "second"])
        self.assertTrue(cli("backup", "verify", self.folder / "b", "--backup", first["id"], "--json")["verified"])

        report, server = self.restored()
        self.assertEqual(report["paused"], ["later"])
        preview, total = server.settled_total()
        self.assertEqual(preview["count"], 50)
        self.assertGreaterEqual(total, before)
        self.assertEqual(total % 100, 0, "a request is there as a whole or not at all")
        for first in range(0, total, 1000):  # as many as there were time for; one request takes 10,000
            server.ok("POST", "/v1/events", [event(n) for n in range(first, min(first + 1000, total))])
        self.assertEqual(server.settled_total()[1], total, "every event of the log is known as a duplicate")
        self.assertEqual(server.ok("GET", "/v1/campaigns/later")["state"], "paused")
        self.assertIn("restored", server.ok("GET", "/v1/campaigns/later")["note"])
        self.assertTrue(server.ok("GET", "/v1/accounts")["items"][0]["has_secret"])
        self.assertEqual(server.ok("GET", "/v1/people/openid:shop:o7")["identities"][0]["account"], "shop")

    def test_only_what_is_needed_is_kept_and_damage_is_named(self):
        self.server.ok("POST", "/v1/events", [event(n) for n in range(100)])
        for _ in range(3):
            last = self.backup("--keep", "2")
        self.assertEqual(last["removed"], 1)
        self.assertEqual(len(cli("backup", "list", self.folder / "b", "--json")["items"]), 2)
        full = cli("restore", self.folder / "b", "--into", self.folder / "r", "--json")
        self.assertEqual(full["id"], last["id"])
        again = cli("restore", self.folder / "b", "--into", self.folder / "r", check=False)
        self.assertEqual(again.returncode, 4)
        largest = max((p for p in (self.folder / "b/blocks").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
        largest.write_bytes(largest.read_bytes()[:-1])
        damaged = cli("backup", "verify", self.folder / "b", check=False)
        self.assertEqual(damaged.returncode, 9)
        self.assertIn("data/", damaged.stderr)
        nothing = cli("restore", self.folder, "--into", self.folder / "x", check=False)
        self.assertEqual(nothing.returncode, 3)

    def test_a_restore_that_is_killed_leaves_nothing_that_starts(self):
        self.server.ok("POST", "/v1/events", [event(n) for n in range(2000)])
        self.server.settled_total()
        self.backup()
        target, data = self.folder / "r", self.folder / "r/data"
        state = data / "state.db"
        for delay in (0, 0.003, 0.01, 0.03, 0.1):  # the last ones may come too late
            child = subprocess.Popen([PROGRAM, "restore", str(self.folder / "b"), "--into", str(target)], stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL, env=ENVIRONMENT)
            while child.poll() is None and not data.exists():
                pass
            time.sleep(delay)
            child.kill()
            finished = child.wait() == 0
            if not finished:
                self.assertTrue(not state.exists() or (data / "restore.unfinished").exists())
            if state.exists() and not finished:
                (target / "zhiyin.toml").touch()
                refused = cli("serve", "--config", target / "zhiyin.toml", check=False)
                self.assertNotEqual(refused.returncode, 0)
                self.assertIn("run zhiyin restore again", refused.stderr)
            if finished:
                shutil.rmtree(target)
        (data).mkdir(parents=True, exist_ok=True)
        (data / "restore.unfinished").write_text("cut off just before the end")
        state.write_bytes(b"half")
        (target / "zhiyin.toml").touch()
        refused = cli("doctor", "--config", target / "zhiyin.toml", "--json", check=False)
        self.assertIn("run zhiyin restore again", refused.stdout)
        _, server = self.restored()
        self.assertEqual(server.settled_total()[1], 2000)
        self.assertFalse((data / "restore.unfinished").exists())

    def test_the_key_can_stay_at_home(self):
        self.server.ok("POST", "/v1/events", [event(1)])
        self.backup("--without-key")
        cli("restore", self.folder / "b", "--into", self.folder / "r", "--json")
        self.assertFalse((self.folder / "r/data/secret.key").exists())
        shutil.copy(self.server.folder / "data/secret.key", self.folder / "r/data/secret.key")
        server = Server(folder=self.folder / "r")
        server.key = self.server.key
        self.addCleanup(server.close)
        server.start()
        self.assertEqual(server.ok("GET", "/v1/people/openid:shop:o1")["events"], 1)


if __name__ == "__main__":
    main()
