"""What is older than the settings allow goes from warehouse, activity and log, with a certificate; the rest stays."""
import contextlib
import hashlib
import os
import sqlite3
import time
import unittest

from harness import Server, cli, main

DAY = 86400
STEPPED = 'clock = "stepped"\nclock_start = "2026-01-05T00:00:00+08:00"\n'
RULES = '[retention]\nevents = "read=30d, *=90d"\nlog = "60d"\n'


def events(kind, day, n=40):
    at = f"2026-{1 + (4 + day) // 31:02}-{1 + (4 + day) % 31:02}T00:00:00+08:00"
    return [{"event_id": f"{kind}{day}.{i}", "account": "shop", "identities": [{"kind": "openid", "value": f"o{i}"}], "kind": kind,
             "occurred_at": at} for i in range(n)]


class Retention(unittest.TestCase):
    def setUp(self):
        self.server = Server(STEPPED + RULES).start()
        self.addCleanup(self.server.close)

    def counts(self):
        return {k["kind"]: k["count"] for k in self.server.ok("GET", "/v1/overview")["kinds"]}

    def test_old_events_go_by_kind_and_each_removal_is_certified(self):
        for day in (0, 20, 40):
            self.server.ok("POST", "/v1/clock", {"to": events("x", day)[0]["occurred_at"]})
            for kind in ("read", "share"):
                self.assertEqual(self.server.ok("POST", "/v1/events", events(kind, day))["accepted"], 40)
        self.server.settled_total()
        self.assertEqual(self.counts(), {"read": 120, "share": 120})
        segment = {"tree": {"event": "read", "count": {">=": 1}}}
        person = "/v1/people/openid:shop:o3"

        counted = self.server.cli("retention", "run", "--dry-run", "--json")
        self.assertEqual([(i["what"], i["warehouse"], i["activity"]) for i in counted["items"]], [("events:read", 40, 40)])
        self.assertEqual(self.counts()["read"], 120, "a dry run removes nothing")
        done = self.server.cli("retention", "run", "--json")
        self.assertEqual([(i["what"], i["warehouse"], i["activity"]) for i in done["items"]], [("events:read", 40, 40)])
        self.assertEqual(self.counts(), {"read": 80, "share": 120})
        self.assertEqual(len(self.server.ok("GET", person + "/events")["items"]), 5)

        self.server.ok("POST", "/v1/clock", {"to": "2026-04-20T00:00:00+08:00"})  # 105 days
        self.server.cli("retention", "run", "--json")
        self.assertEqual(self.counts(), {"share": 80})
        self.assertEqual(self.server.ok("POST", "/v1/segments/preview", segment)["count"], 0)
        kinds = [e["kind"] for e in self.server.ok("GET", person + "/events")["items"]]
        self.assertEqual(kinds, ["share", "share"])
        listed = self.server.cli("retention", "list", "--json")
        self.assertEqual(listed["verified"], len(listed["items"]))
        self.assertEqual({i["what"] for i in listed["items"]}, {"events:read", "events:share", "log"})
        self.assertGreater(sum(i["log"] for i in listed["items"]), 0)
        self.assertTrue(all(len(i["digest"]) == 64 for i in listed["items"]))
        self.assertEqual(self.server.cli("retention", "run", "--json")["items"], [], "nothing more is due")

        # What is left is whole after a restart, and an old event that comes late is not lost before its time.
        self.server.restart()
        self.assertEqual(self.counts(), {"share": 80})
        self.server.ok("POST", "/v1/events", events("share", 41))
        self.server.settled_total()
        self.assertEqual(self.counts(), {"share": 120})

    def certificates(self, sql, *parameters):
        """In the file of the state, while nobody has it open."""
        with contextlib.closing(sqlite3.connect(self.server.folder / "data/state.db")) as db, db:
            return db.execute(sql, parameters).fetchall()

    def removed(self):
        self.server.ok("POST", "/v1/events", events("read", 0))
        self.server.ok("POST", "/v1/clock", {"to": events("x", 40)[0]["occurred_at"]})
        self.server.settled_total()
        self.server.cli("retention", "run", "--json")
        self.server.process.stop()
        self.server.process = None

    @unittest.skipIf(os.environ.get("POSTGRES_URL"), "looks into the file of the state")
    def test_a_certificate_is_finished_after_a_kill_between_removing_and_counting(self):
        self.removed()
        positions = dict(self.certificates("SELECT part, off FROM consumer_position WHERE consumer = 'warehouse' AND stream = 1"))
        plan = " ".join(str(n) for n in [40] + [positions.get(p, 0) for p in range(64)])
        # As it was when the rows were gone and nothing was noted yet; the rule is gone, too.
        self.certificates("UPDATE retention_certificate SET warehouse = 0, finished_at = NULL, seq = NULL, digest = '', keyed = 0, plan = ?", plan)
        self.server.config.write_text(self.server.config.read_text().replace("read=30d, ", ""))
        self.server.start()
        for _ in range(600):
            listed = self.server.cli("retention", "list", "--json")
            if listed["items"][0]["finished_at"]:
                break
            time.sleep(0.05)
        self.assertEqual([(i["what"], i["warehouse"], i["activity"], i["keyed"]) for i in listed["items"]], [("events:read", 40, 40, True)])
        self.assertEqual((listed["verified"], listed["without_key"], listed["last_digest"]), (1, 0, listed["items"][0]["digest"]))

    @unittest.skipIf(os.environ.get("POSTGRES_URL"), "looks into the file of the state")
    def test_who_only_has_the_database_cannot_change_a_certificate(self):
        self.removed()
        (number, what, before), = self.certificates("SELECT id, what, before_at FROM retention_certificate")
        # With the digest that needs no key, as earlier versions made it.
        forged = hashlib.sha256(f"\n{number}\n{what}\n{before}\n40 1 0 0\n".encode()).hexdigest()
        self.certificates("UPDATE retention_certificate SET warehouse = 1, digest = ?", forged)
        listed = self.server.cli("retention", "list", check=False)
        self.assertEqual(listed.returncode, 9)
        self.assertIn("was changed", listed.stderr)
        self.certificates("UPDATE retention_certificate SET keyed = 0")
        listed = self.server.cli("retention", "list", "--json")
        self.assertEqual((listed["verified"], listed["without_key"]), (1, 1), "one without a key is told apart")

    def test_a_rule_that_cannot_be_stops_the_start(self):
        for rule in ("read", "read=soon", "read=30d,read=40d", "=3d", "read=1h"):
            server = Server(f'[retention]\nevents = "{rule}"\n')
            self.addCleanup(server.close)
            failed = cli("serve", "--config", server.config, check=False)
            self.assertEqual(failed.returncode, 2, rule)
            self.assertIn("retention.events", failed.stderr)


if __name__ == "__main__":
    main()
