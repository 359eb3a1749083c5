"""An installation moves from files to the cluster's stores and back while it takes events: whatever is killed meanwhile, what was
acknowledged is there afterwards, once."""
import os
import pathlib
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error

from cluster import Cluster
from harness import ENVIRONMENT, PROGRAM, Process, Server, cli, main


class Sender(threading.Thread):
    """Sends steadily to whichever server is in charge; counts what was acknowledged. A refused call is sent again, with its ids."""

    def __init__(self, server):
        super().__init__()
        self.server, self.acknowledged, self.refused, self.going = server, 0, 0, True

    def run(self):
        batch = 0
        while self.going:
            events = [{"event_id": f"m{batch}-{i}", "account": "shop", "identities": [{"kind": "openid", "value": f"o{(batch * 7 + i) % 300}"}],
                       "kind": ("read", "share", "purchase")[i % 3], "value": 1 + i, "item": {"kind": "article", "id": f"a{i % 9}"}} for i in range(20)]
            while True:
                try:
                    answer = self.server.send("POST", "/v1/events", events)
                    if answer.status == 200:
                        break
                    assert answer.status == 503, (answer.status, answer.body[:500])
                except (urllib.error.URLError, ConnectionError, OSError):
                    pass  # killed, or not there yet
                self.refused += 1
                time.sleep(0.02)
            self.acknowledged += len(events)
            batch += 1
            time.sleep(0.01)

    def stop(self):
        self.going = False
        self.join()


class Member(Server):
    """One of several processes on a cluster; it does not take long until it is taken for dead."""
    roles = "intake,workers,console"

    def start(self):
        self.process = Process(["serve", "--json", "--config", self.config, "--server.lease", "2s", "--roles", self.roles], self.folder / "server.log")
        self.key = self.process.ready["admin_key"] or self.key
        return self


def story(server):
    """What the installation knows, whatever it lies on."""
    people, total = server.settled_total()
    previews = [server.ok("POST", "/v1/segments/preview", {"tree": tree})["count"] for tree in (
        {"event": "purchase", "count": {">=": 3}, "window": "30d"}, {"event": "share", "sum": {">=": 100}, "window": "7d"})]
    segments = [s["id"] for s in server.ok("GET", "/v1/segments")["items"]]
    return {"people": people["count"], "events": total, "previews": previews, "segments": segments}


class Migrate(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="zhiyin-move-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def cluster(self):
        """Stores on servers; one without a server stays a file of the new folder."""
        cluster = Cluster()
        self.addCleanup(cluster.close)
        return cluster.stores

    def server(self, name, stores=None):
        folder = self.folder / name
        folder.mkdir()
        lines = "".join(f'{store} = "{url}"\n' for store, url in (stores or {}).items())
        return Server("log_level = \"warning\"\n" + (f"[storage]\n{lines}" if lines else "[storage]\nwarehouse_memory_mb = 256\n"), folder=folder)

    def move(self, source, target, *more, check=True):
        return cli("migrate", "--from", source.config, "--to", target.config, "--json", *more, check=check)

    def begun(self, source, target):
        """A move that has told of its first step: from then on the target says that it is being filled."""
        for _ in range(100):
            child = subprocess.Popen([PROGRAM, "migrate", "--from", source.config, "--to", target.config], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                     env=ENVIRONMENT)
            line = child.stderr.readline().decode()
            if "event log" in line:
                return child
            self.end(child)
            self.assertIn("another zhiyin process", line)  # the server has not noticed yet that nobody waits for the last one
            time.sleep(0.1)
        self.fail("the move that was cut off does not end")

    def end(self, child):
        child.kill()
        child.wait()
        child.stderr.close()

    def test_there_and_back_while_events_come_in(self):
        seed = random.randrange(1 << 30)
        print(f"seed {seed}", file=sys.stderr)
        dice = random.Random(seed)
        old = self.server("old").start()
        self.addCleanup(old.close)
        sender = Sender(old)
        sender.start()
        self.addCleanup(sender.stop)
        old.ok("PUT", "/v1/segments/buyers", {"name": "buyers", "tree": {"event": "purchase", "count": {">=": 1}, "window": "30d"}})
        while sender.acknowledged < 1000:
            time.sleep(0.05)
        new = self.server("new", self.cluster())
        new.key = old.key
        self.addCleanup(new.close)

        looked = self.move(old, new, "--dry-run")
        self.assertTrue(looked["dry_run"])
        self.assertGreaterEqual(looked["log_at_most"]["events"], 1000)
        self.assertFalse((new.folder / "data").exists(), "a dry run leaves nothing")

        # The command dies, then the server that does the work; each time the next attempt goes on.
        mover = self.begun(old, new)
        time.sleep(dice.uniform(0, 0.3))
        self.end(mover)
        mover = self.begun(old, new)
        time.sleep(dice.uniform(0, 0.3))
        old.kill()
        self.end(mover)
        old.start()
        half = subprocess.run([PROGRAM, "serve", "--json", "--config", str(new.config)], capture_output=True, text=True, env=ENVIRONMENT, timeout=60)
        self.assertNotEqual(half.returncode, 0)
        self.assertIn("being moved into", half.stdout + half.stderr)

        before = sender.acknowledged
        while sender.acknowledged < before + 500:
            time.sleep(0.05)
        report = self.move(old, new)
        print(f"stood still for {report['stood_still_ms']} ms {report['of_that_ms']}, {report['log'][0]['count']} records", file=sys.stderr)
        self.assertTrue(report["verified"])

        # The old one takes nothing any more, and cannot be started again.
        answer = old.send("POST", "/v1/events", [{"event_id": "late", "account": "shop", "identities": [{"kind": "openid", "value": "o1"}], "kind": "read"}])
        self.assertEqual((answer.status, answer.headers["Retry-After"]), (503, "1"))
        old.process.stop()
        old.process = None
        again = subprocess.run([PROGRAM, "serve", "--json", "--config", str(old.config)], capture_output=True, text=True, env=ENVIRONMENT, timeout=60)
        self.assertNotEqual(again.returncode, 0)
        self.assertIn("has moved to", again.stdout + again.stderr)

        new.start()
        sender.server = new
        before = sender.acknowledged
        while sender.acknowledged < before + 500:
            time.sleep(0.05)

        # And back, into files, in a process of its own: nobody serves meanwhile.
        sender.stop()
        expected = story(new)
        self.assertEqual(expected["events"], sender.acknowledged)
        back = self.server("back")
        back.key = old.key
        self.addCleanup(back.close)
        refused = self.move(new, old, check=False)
        self.assertNotEqual(refused.returncode, 0, "only empty stores are filled")
        new.process.stop()
        new.process = None
        mover = self.begun(new, back)
        time.sleep(dice.uniform(0, 0.3))
        self.end(mover)
        report = self.move(new, back)
        self.assertTrue(report["verified"])
        back.start()
        self.assertEqual(story(back), expected)
        again = Sender(back)
        again.start()
        while again.acknowledged < 200:  # ids that are known: acknowledged, and counted by nobody
            time.sleep(0.05)
        again.stop()
        self.assertEqual(story(back)["events"], expected["events"])

        # Whoever wants the old place back gets it, as it was, once nobody can go on in the new one.
        undo = ("migrate", "--undo", "--from", old.config, "--json")
        self.assertIn("settings of the new place", cli(*undo, check=False).stdout)
        moved_on = cli(*undo, "--to", new.config, check=False)
        self.assertIn("moved on", moved_on.stdout)
        undone = cli(*undo, "--without-target")
        self.assertIn("undone", undone)
        old.start()
        self.assertGreaterEqual(story(old)["events"], 1000)

    def test_an_undone_move_ends_the_new_place(self):
        old, new = self.server("old").start(), self.server("new")
        self.addCleanup(old.close)
        self.addCleanup(new.close)
        old.ok("POST", "/v1/events", [{"event_id": "e1", "account": "shop", "identities": [{"kind": "openid", "value": "o1"}], "kind": "read"}])
        new.key = old.key
        self.move(old, new)
        old.process.stop()
        old.process = None
        new.start()
        undo = ("migrate", "--undo", "--from", old.config, "--to", new.config, "--json")
        self.assertNotEqual(cli(*undo, check=False).returncode, 0, "somebody works there")
        new.process.stop()
        new.process = None
        self.assertTrue(cli(*undo)["target_ended"])
        ended = subprocess.run([PROGRAM, "serve", "--json", "--config", str(new.config)], capture_output=True, text=True, env=ENVIRONMENT, timeout=60)
        self.assertNotEqual(ended.returncode, 0)
        self.assertIn("has moved to", ended.stdout + ended.stderr)
        old.start()
        self.assertEqual(story(old)["events"], 1)

    def test_a_process_that_was_suspended_acknowledges_nothing_that_is_not_moved(self):
        stores = self.cluster()
        if len(stores) < 3:
            self.skipTest("two processes need Kafka, PostgreSQL and ClickHouse (./dev test --cluster)")
        secret, members = secrets.token_hex(32), []
        for name in ("mover", "away"):
            (self.folder / name).mkdir()
            lines = "".join(f'{store} = "{url}"\n' for store, url in stores.items())
            member = Member(f'log_level = "warning"\nsecret_key = "{secret}"\n[storage]\n{lines}', folder=self.folder / name)
            member.key = members[0].key if members else None
            if name == "away":
                member.roles = "intake"  # suspended with a transaction of a projection open, it would hold the others up until the server ends that
            members.append(member.start())
            self.addCleanup(member.close)
        mover, away = members
        new = self.server("new")
        new.key = mover.key
        self.addCleanup(new.close)
        sender = Sender(away)
        sender.start()
        self.addCleanup(sender.stop)
        while sender.acknowledged < 500:
            time.sleep(0.05)
        os.kill(away.process.child.pid, signal.SIGSTOP)  # with a request under way
        try:
            while len(mover.ok("GET", "/v1/processes")["items"]) > 1:
                time.sleep(0.1)
            moving = subprocess.Popen([PROGRAM, "migrate", "--from", mover.config, "--to", new.config], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                      text=True, env=ENVIRONMENT)
            told = ""
            for line in moving.stderr:
                told += line
                if "standing still" in line:
                    break
        finally:
            os.kill(away.process.child.pid, signal.SIGCONT)
        told += moving.communicate()[1] or ""
        self.assertEqual(moving.returncode, 0, told[-2000:])
        refused = sender.refused
        limit = time.monotonic() + 60
        while sender.refused < refused + 50 and time.monotonic() < limit:
            time.sleep(0.05)
        self.assertGreaterEqual(sender.refused, refused + 50, "`away` answers, and takes nothing")
        mover.process.stop()
        mover.process = None
        sender.server = new.start()
        before = sender.acknowledged
        while sender.acknowledged < before + 200:
            time.sleep(0.05)
        sender.stop()
        self.assertEqual(story(new)["events"], sender.acknowledged)


if __name__ == "__main__":
    main()
