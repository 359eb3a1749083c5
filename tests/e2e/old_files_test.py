"""Files that the first schema was written into are opened by the present program: everything is there afterwards."""
import json
import pathlib
import shutil
import tarfile
import tempfile
import unittest

from harness import ROOT, STEPPED, Server, main

FIXTURE = ROOT / "tests/fixtures/first_schema"


class OldFiles(unittest.TestCase):
    def setUp(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="zhiyin-old-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        with tarfile.open(FIXTURE / "data.tar.gz") as tar:
            tar.extractall(folder, filter="data") if hasattr(tarfile, "data_filter") else tar.extractall(folder)
        self.expected = json.loads((FIXTURE / "expected.json").read_text())
        # Its state stays the file that it is, also where tests have a server for theirs.
        self.server = Server(STEPPED + "[storage]\nwarehouse_memory_mb = 64\n", folder=folder)
        self.server.key = self.expected["key"]
        self.addCleanup(self.server.close)

    def check(self):
        server, expected = self.server, self.expected
        self.assertEqual(server.ok("GET", "/v1/overview")["events_total"], expected["events_total"])
        counts = {name: server.ok("POST", "/v1/segments/preview", {"tree": tree})["count"] for name, tree in expected["trees"].items()}
        self.assertEqual(counts, expected["segments"])
        self.assertLessEqual({"all", "readers"}, {s["id"] for s in server.ok("GET", "/v1/segments")["items"]})
        campaign = server.ok("GET", "/v1/campaigns/hello")
        self.assertEqual(campaign["state"], expected["campaign"]["state"])
        for name, count in expected["campaign"]["progress"].items():
            self.assertEqual(campaign["progress"][name], count, name)
        self.assertEqual([e["reason"] for e in server.ok("GET", "/v1/quarantine")["items"]], expected["quarantine"])

    def test_everything_is_there(self):
        server, expected = self.server, self.expected
        server.start()
        self.check()
        person = server.ok("GET", f"/v1/people/phone_hash:{expected['account']}:{3:064x}")
        for name in ("id", "first_seen", "last_seen", "events", "following"):
            self.assertEqual(person[name], expected["person"][name], name)
        for name, value in expected["person"]["features"].items():
            self.assertEqual(person["features"][name], value, name)
        # What was sealed can be opened, ids are remembered, and life goes on.
        self.assertEqual(server.ok("GET", "/v1/quarantine")["items"][0]["event"]["event_id"], "bad")
        again = [{"event_id": "e3", "account": expected["account"], "identities": [{"kind": "phone_hash", "value": f"{3:064x}"}], "kind": "purchase", "value": 300},
                 {"event_id": "new", "account": expected["account"], "identities": [{"kind": "phone_hash", "value": f"{3:064x}"}], "kind": "purchase", "value": 1}]
        server.ok("POST", "/v1/events", again)
        self.assertEqual(server.settled_total()[1], expected["events_total"] + 1)
        doctor = server.ok("GET", "/v1/doctor")
        self.assertEqual([c for c in doctor["checks"] if not c["ok"] and c["name"] not in ("console", "disk", "accounts")], [])

    def test_a_kill_while_the_schema_is_brought_up_to_date_costs_nothing(self):
        self.server.start()
        self.server.kill()
        self.server.start()
        self.check()

    def test_a_second_start_finds_nothing_to_do(self):
        self.server.start()
        self.server.restart()
        self.check()


if __name__ == "__main__":
    main()
