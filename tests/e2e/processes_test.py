"""Two processes on one cluster (Kafka, PostgreSQL, ClickHouse's engine) under load, one of them killed again and again: what was
acknowledged is counted once by each projection, nobody gets a message twice, and the platform's quota is kept to the call.

ZHIYIN_KILLS (3) says how often, ZHIYIN_SEED where. `tests/servers/kafka.sh with` gives the broker; without one it is skipped."""
import collections
import http.server as http_server
import json
import os
import random
import secrets
import subprocess
import threading
import time
import unittest
import urllib.parse
from http.client import HTTPException

from cluster import Cluster
from harness import Process, Sandbox, Server, http, main

KILLS = int(os.environ.get("ZHIYIN_KILLS", "3"))
SEED = int(os.environ.get("ZHIYIN_SEED", "5"))
LEASE_S = 4
PEOPLE = 400
QUOTA = 150


class Member(Server):
    """One of the processes: a folder and a port of its own, the secret key of all."""

    def __init__(self, stores, secret, wechat, roles=None):
        lines = "".join(f'{name} = "{url}"\n' for name, url in stores.items())
        super().__init__(f'secret_key = "{secret}"\n[storage]\n{lines}[wechat]\nbase_url = "{wechat}"\n')
        self.arguments = ["--server.lease", f"{LEASE_S}s"] + (["--roles", roles] if roles else [])

    def start(self):
        self.process = Process(["serve", "--json", "--config", self.config, *self.arguments], self.folder / "server.log")
        self.key = self.process.ready["admin_key"] or self.key
        return self


class Witness(http_server.BaseHTTPRequestHandler):
    """Between the processes and the platform: passes calls on, slowly, and notes which messages the platform took for whom."""
    protocol_version = "HTTP/1.1"
    platform, taken, lock = None, collections.defaultdict(set), threading.Lock()

    def do_GET(self):
        self.pass_on(None)

    def do_POST(self):
        self.pass_on(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def pass_on(self, body):
        answer = http(self.command, self.platform + self.path, body, {"Content-Type": self.headers.get("Content-Type", "application/json")})
        if self.path.startswith("/cgi-bin/message/template/send") and answer.json["errcode"] == 0:
            with self.lock:
                self.taken[json.loads(body)["touser"]].add(answer.json["msgid"])
            time.sleep(0.04)
        try:
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
        except OSError:
            self.close_connection = True  # killed while it waited

    def log_message(self, *_):
        pass


class QuietServer(http_server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # a connection of a killed process


class Load(threading.Thread):
    """Reads of its own people, in order; each batch again and again, here or there, until somebody acknowledges it."""

    def __init__(self, number, members, key):
        super().__init__()
        self.number, self.members, self.key = number, members, key
        self.stopping, self.sent, self.refused, self.problem = threading.Event(), 0, 0, None

    def run(self):
        rng = random.Random(SEED * 100 + self.number)
        batch = 0
        while not self.stopping.is_set():
            events = [{"event_id": f"load-{self.number}-{batch}-{i}", "account": "shop", "kind": "read", "value": 1,
                       "identities": [{"kind": "user_id", "value": f"reader-{self.number}-{rng.randrange(50)}"}],
                       "item": {"kind": "article", "id": f"a{rng.randrange(20)}"}} for i in range(20)]
            self.acknowledged(events, rng)
            batch += 1
            self.sent += len(events)
            time.sleep(0.02)

    def acknowledged(self, events, rng):
        while True:
            member = rng.choice(self.members)
            try:
                answer = http("POST", member.url + "/v1/events", events, {"Authorization": f"Bearer {self.key}"}, timeout=30)
                if answer.status == 200:
                    if answer.json["quarantined"]:
                        self.problem = answer.body
                    return
            except (OSError, HTTPException):  # killed, or not there yet
                pass
            self.refused += 1
            time.sleep(0.05)


class Bench(unittest.TestCase):
    needs = ("log", "state", "warehouse")

    def setUp(self):
        self.cluster = Cluster()
        self.addCleanup(self.cluster.close)
        self.stores = self.cluster.stores
        missing = [name for name in self.needs if name not in self.stores]
        if missing:
            self.skipTest(f"no server here for {', '.join(missing)} (./dev test --cluster)")
        self.secret = secrets.token_hex(32)
        self.sandbox = Sandbox(people=PEOPLE)
        self.addCleanup(self.sandbox.close)
        Witness.platform, Witness.taken = self.sandbox.url, collections.defaultdict(set)
        witness = QuietServer(("127.0.0.1", 0), Witness)
        self.wechat = f"http://127.0.0.1:{witness.server_port}"
        threading.Thread(target=witness.serve_forever, daemon=True).start()
        self.addCleanup(lambda: (witness.shutdown(), witness.server_close()))

    def member(self, roles=None):
        member = Member(self.stores, self.secret, self.wechat, roles)
        self.addCleanup(member.close)
        return member

    def state(self, sql):
        """The cells of the first row, as texts."""
        done = subprocess.run(["psql", "-XqAt", "-F", "|", self.stores["state"], "-c", sql], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip().split("\n")[0].split("|")

    def warehouse(self, sql):
        query = urllib.parse.urlencode({"database": "zhiyin"})
        answer = http("POST", f"http://127.0.0.1:{self.cluster.clickhouse_port}/?{query}", sql + " FORMAT TabSeparated")
        self.assertEqual(answer.status, 200, answer.body)
        return answer.body.decode().strip().split("\t")

    def wait(self, what, condition, seconds=60):
        until = time.monotonic() + seconds
        while not (found := condition()):
            self.assertLess(time.monotonic(), until, f"{what}: not within {seconds} s")
            time.sleep(0.1)
        return found

    def shares(self):
        """How many partitions each living process has."""
        rows = self.state("SELECT string_agg(n::text, ',') FROM (SELECT COUNT(d.number) AS n FROM process p LEFT JOIN duty d "
                          "ON d.owner = p.id AND d.number < 64 WHERE p.works = 1 GROUP BY p.id ORDER BY n) s")
        return rows[0].split(",")

    def connect(self, member):
        account = self.sandbox.ok("GET", "/sandbox/account") | {"base_url": self.wechat}
        member.ok("POST", "/v1/accounts", account)
        stored = member.ok("GET", f"/v1/accounts/{account['id']}")
        policy = stored["policy"] | {"quiet_from": "00:00", "quiet_until": "00:00", "template_per_day": QUOTA}
        member.ok("PUT", f"/v1/accounts/{account['id']}", account | {"policy": policy}, headers={"If-Match": str(stored["version"])})
        return account


class Processes(Bench):
    def test_nothing_is_lost_or_done_twice_while_processes_die(self):
        a = self.member().start()
        b = self.member()
        b.key = a.key
        b.start()
        self.wait("even shares", lambda: self.shares() == ["32", "32"])
        account = self.connect(a)
        run = a.ok("POST", f"/v1/accounts/{account['id']}/sync")["run"]
        ended = b.run_ended(run)  # shown by the other process, too
        self.assertEqual(ended["state"], "done", ended)
        b.ok("PUT", "/v1/segments/all", {"name": "all", "tree": {"following": account["id"]}})
        load = [Load(i, [a, b], a.key) for i in range(2)]
        for one in load:
            one.start()
        try:
            a.ok("PUT", "/v1/campaigns/notice", {
                "name": "notice", "account": account["id"], "segment": "all", "holdout": 0.1, "channel": "template", "purpose": "notification",
                "message": {"type": "template", "template_id": "ORDERSHIP_sb_4QwLr8vY2nKd0uTzXc5mJh1pGfEaBs",
                            "data": {"character_string1": "A1", "thing2": "绘本", "time3": "2026-01-06 10:00"}}})
            b.ok("POST", "/v1/campaigns/notice/start")
            self.kill_again_and_again([a, b])
        finally:
            for one in load:
                one.stopping.set()
            for one in load:
                one.join()
        for one in load:
            self.assertIsNone(one.problem)
        acknowledged = sum(one.sent for one in load)
        print(f"{acknowledged} events acknowledged, {sum(one.refused for one in load)} requests repeated, {KILLS} kills")
        self.check_events(a, acknowledged)
        self.check_sends(a)
        self.assertGreater(sum(one.refused for one in load), 0, "no process was ever away")

    def kill_again_and_again(self, members):
        rng = random.Random(SEED)
        for number in range(KILLS):
            time.sleep(rng.uniform(0.3, 2.5))
            # Half of the time the one that sends the campaign.
            leader = next(m for m in members if m.process and self.leads(m)) if any(self.leads(m) for m in members) else members[0]
            victim = leader if rng.random() < 0.5 else rng.choice(members)
            victim.kill()
            if number % 3 == 1:  # the other one is alone, and knows it
                self.wait("taking over", lambda: self.shares() == ["64"], 10 * LEASE_S)
            victim.start()
        self.wait("even shares", lambda: self.shares() == ["32", "32"], 10 * LEASE_S)

    def leads(self, member):
        return self.state(f"SELECT COUNT(*) FROM process p JOIN duty d ON d.owner = p.id WHERE d.number = 64 AND p.name LIKE '%:{member.port}'")[0] == "1"

    def check_events(self, member, acknowledged):
        member.settled_total()
        self.assertEqual(self.warehouse("SELECT COUNT(*), COUNT(DISTINCT event_id) FROM events WHERE kind = 'read'"),
                         [str(acknowledged)] * 2, "warehouse")
        self.assertEqual(self.state("SELECT n FROM kind_seen WHERE kind = 'read'"), [str(acknowledged)], "counts by kind")
        self.assertEqual(self.state("SELECT SUM(n) FROM item_stat WHERE kind = 'read'"), [str(acknowledged)], "counts by item")
        self.assertEqual(self.state("SELECT COUNT(*) FROM activity WHERE kind = 'read'"), [str(acknowledged)], "activity")
        # The order of an identity's events is that of the log: their numbers within a batch grow with the offset.
        self.assertEqual(self.warehouse(
            "SELECT COUNT(*) FROM (SELECT identity, splitByChar('-', event_id) AS w, toInt64(w[3]) * 20 + toInt64(w[4]) AS n, off,"
            " lagInFrame(n, 1, -1) OVER (PARTITION BY identity ORDER BY off ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS before"
            " FROM events WHERE kind = 'read') AS ordered WHERE before > n"), ["0"], "order within an identity")

    def quota(self, column):
        """Of template messages: the common row and the chunks of both processes, some of which may be below zero."""
        rows = " UNION ALL ".join(f"SELECT {column} AS n FROM {table} WHERE channel = 3" for table in ("quota_use", "quota_lease"))
        return int(self.state(f"SELECT COALESCE(SUM(n), 0) FROM ({rows}) AS all_rows")[0])

    def check_sends(self, member):
        def settled():
            campaign = member.ok("GET", "/v1/campaigns/notice")
            left = campaign["progress"]["sending"]
            return campaign if left == 0 and self.quota("reserved") == 0 and (
                campaign["state"] == "done" or campaign.get("waiting_until")) else None

        campaign = self.wait("the campaign", settled, 240)
        progress = campaign["progress"]
        reached = progress["sent"] + progress["unknown"] + progress["failed"]
        print(f"sends: {progress}")
        self.assertGreater(progress["sent"], 20, progress)
        used = self.quota("used")
        self.assertEqual(used, reached, progress)
        self.assertLessEqual(used, QUOTA)
        taken = [len(messages) for messages in Witness.taken.values()]
        self.assertEqual(max(taken), 1, "somebody got the message twice")
        self.assertLessEqual(progress["sent"], sum(taken), progress)
        self.assertLessEqual(sum(taken), reached, progress)
        # What was sent is an event, once.
        member.settled_total()
        for table in ("outbox", "warehouse_plan"):
            self.assertEqual(self.state(f"SELECT COUNT(*) FROM {table}"), ["0"], table)
        sent = self.state("SELECT COALESCE(SUM(n), 0) FROM kind_seen WHERE kind = 'touch.sent'")
        self.assertEqual(self.warehouse("SELECT COUNT(*) FROM events WHERE kind = 'touch.sent'"), sent)
        self.assertEqual(int(sent[0]), progress["sent"])

    def test_roles_share_the_work(self):
        workers = self.member("workers").start()
        intake, console = self.member("intake"), self.member("console")
        intake.key = console.key = workers.key
        intake.start()
        console.start()
        events = [{"event_id": f"e{i}", "account": "shop", "kind": "read", "identities": [{"kind": "user_id", "value": f"u{i}"}]} for i in range(50)]
        self.assertEqual(intake.send("POST", "/v1/events", events).status, 200)
        for member, path in ((console, "/v1/events"), (workers, "/v1/events")):
            refused = member.send("POST", path, events)
            self.assertEqual(refused.status, 421, refused.body)
            self.assertIn("server.roles", refused.json["detail"])
        self.assertEqual(intake.send("GET", "/v1/overview").status, 421)
        _, total = console.settled_total()
        self.assertEqual(total, 50)
        self.assertEqual(self.shares(), ["64"])
        for member in (workers, intake, console):
            self.assertEqual(http("GET", member.url + "/readyz").status, 200)
        # What one process changes the others see.
        key = console.ok("POST", "/v1/keys", {"name": "short", "role": "ingest"})
        self.assertEqual(intake.send("POST", "/v1/events", events[:1], key=key["key"]).status, 200)
        console.ok("DELETE", f"/v1/keys/{key['id']}")
        self.wait("the key is gone", lambda: intake.send("POST", "/v1/events", events[:1], key=key["key"]).status in (401, 403), 4)
        # A hold asked for anywhere holds all.
        console.ok("POST", "/v1/projections", {"held": True})
        intake.send("POST", "/v1/events", [e | {"event_id": e["event_id"] + "x"} for e in events])
        time.sleep(LEASE_S)
        self.assertEqual(self.state("SELECT n FROM kind_seen WHERE kind = 'read'"), ["50"])
        console.ok("POST", "/v1/projections", {"held": False})
        self.wait("it goes on", lambda: self.state("SELECT n FROM kind_seen WHERE kind = 'read'") == ["100"], 10 * LEASE_S)

    def test_a_process_with_a_log_of_its_own_is_refused(self):
        a = self.member().start()
        refused(self, self.stores | {"log": "sqlite:data/log.db"})
        a.ok("GET", "/v1/overview")


def refused(test, stores):
    own = Member(stores, test.secret, test.wechat)
    test.addCleanup(own.close)
    with test.assertRaisesRegex(AssertionError, "keeps its log"):
        own.start()
    own.process = None


class OnlyState(Bench):
    """Log and warehouse in files, the state on a server: nobody else can be there."""
    needs = ("state",)

    def test_a_second_process_is_refused_until_the_first_has_stopped(self):
        self.stores = {"state": self.stores["state"]}
        a = self.member().start()
        refused(self, self.stores)
        [only] = a.ok("GET", "/v1/processes")["items"]
        self.assertTrue(only["self"] and only["leads"] and only["works"], only)
        self.assertEqual(only["partitions"], 64)
        # Killed, it comes back at once: its folder says that it is the same.
        a.kill()
        a.start()
        key = a.key
        a.close()
        b = self.member()
        b.key = key
        b.start()
        b.ok("GET", "/v1/overview")


if __name__ == "__main__":
    main()
