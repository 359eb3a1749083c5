"""Events over HTTP: answers per event, quarantine, roles, restart, kill -9."""
import json
import os
import random
import threading
import unittest

from harness import Server, gzipped, main

KILLS = int(os.environ.get("ZHIYIN_KILLS", "3"))


def event(n, **more):
    out = {"event_id": f"e{n}", "account": "shop", "identities": [{"kind": "openid", "value": f"o{n % 7}"}], "kind": "read",
           "item": {"kind": "article", "id": f"a{n % 5}"}, "value": 30, "occurred_at": "2026-01-10T10:00:00+08:00"}
    out.update(more)
    return out


class Intake(unittest.TestCase):
    def setUp(self):
        self.server = Server().start()
        self.addCleanup(self.server.close)

    def test_every_event_gets_its_answer(self):
        answer = self.server.ok("POST", "/v1/events", [event(1), event(1), event(2, kind="Bad Kind"), event(3)])
        self.assertEqual([e["status"] for e in answer["events"]], ["accepted", "duplicate", "quarantined", "accepted"])
        self.assertIn("kind", answer["events"][2]["reason"])
        waiting = self.server.ok("GET", "/v1/quarantine")["items"]
        self.assertEqual(len(waiting), 1)
        fixed = self.server.ok("POST", f"/v1/quarantine/{waiting[0]['id']}/resubmit", event(2))
        self.assertEqual(fixed["status"], "accepted")
        self.assertEqual(self.server.ok("GET", "/v1/quarantine")["items"], [])
        self.assertEqual(self.server.settled_total()[1], 3)

    def test_ndjson_gzip_and_a_broken_line(self):
        lines = "\n".join([json.dumps(event(1)), "{broken", json.dumps(event(2))])
        answer = self.server.ok("POST", "/v1/events", lines)
        self.assertEqual([e["status"] for e in answer["events"]], ["accepted", "quarantined", "accepted"])
        packed = self.server.ok("POST", "/v1/events", gzipped([event(5), event(6)]), {"Content-Encoding": "gzip"})
        self.assertEqual(packed["accepted"], 2)

    def test_bad_bodies_are_problems_that_say_what(self):
        for body, status in ((b"[{", 400), (b"\xff\xfe", 400), (b"", 400), (b"[1,2]", 200)):
            answer = self.server.send("POST", "/v1/events", body)
            self.assertEqual(answer.status, status, body)
            if status == 400:
                self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
                self.assertTrue(answer.json["detail"])
        self.assertEqual(self.server.send("POST", "/v1/events", b"x" * (33 << 20)).status, 413)

    def test_keys_do_only_what_their_role_allows(self):
        ingest = self.server.ok("POST", "/v1/keys", {"name": "web", "role": "ingest", "accounts": ["shop"]})["key"]
        self.assertEqual(self.server.send("POST", "/v1/events", [event(1)], key=ingest).json["accepted"], 1)
        other = self.server.send("POST", "/v1/events", [event(2, account="other")], key=ingest).json
        self.assertEqual(other["quarantined"], 1)
        self.assertEqual(self.server.send("GET", "/v1/people", key=ingest).status, 403)
        self.assertEqual(self.server.send("GET", "/v1/people", key="zy_wrong").status, 401)

    def test_acknowledged_events_survive_kill_9_exactly_once(self):
        rng = random.Random(20260110)
        acknowledged, n = set(), 0
        for _ in range(KILLS):
            timer = threading.Timer(rng.uniform(0.05, 0.4), self.server.kill)
            timer.start()
            try:
                while True:
                    batch = [event(n + i) for i in range(rng.randint(1, 40))]
                    n += len(batch)
                    answer = self.server.send("POST", "/v1/events", batch)
                    acknowledged.update(e["event_id"] for e in answer.json["events"] if e["status"] == "accepted")
            except OSError:
                pass
            except Exception as problem:  # a connection cut in the middle of an answer shows as a protocol error
                self.assertIn(type(problem).__name__, ("RemoteDisconnected", "IncompleteRead", "BadStatusLine", "ConnectionResetError"))
            timer.join()
            self.server.start()
        # Sent again, what was acknowledged must turn out known, and everything is there exactly once.
        for start in range(0, n, 5000):
            again = self.server.ok("POST", "/v1/events", [event(i) for i in range(start, min(n, start + 5000))])
            self.assertEqual(again["quarantined"], 0)
        self.assertEqual(self.server.settled_total()[1], n)
        self.assertGreater(len(acknowledged), 0)


if __name__ == "__main__":
    main()
