"""Live segments: who enters and leaves is kept with each event and with passing time, told as events, and survives kill -9."""
import unittest

from harness import STEPPED, Server, main

READERS = {"id": "readers", "name": "读者", "live": True, "tree": {"event": "read", "count": {">=": 2}, "window": "7d"}}


def read(person, n, at, first=0):
    return [{"event_id": f"{person}.{first + i}", "account": "shop", "identities": [{"kind": "openid", "value": person}], "kind": "read",
             "item": {"kind": "article", "id": f"a{i}"}, "occurred_at": at} for i in range(n)]


class LiveSegments(unittest.TestCase):
    def setUp(self):
        self.server = Server(STEPPED).start()
        self.addCleanup(self.server.close)

    def step_to(self, at):
        self.server.ok("POST", "/v1/clock", {"to": at})

    def crash(self):
        self.server.kill()
        self.server.start()

    def segment(self):
        return self.server.ok("GET", "/v1/segments/readers")

    def members(self):
        """By name, as the list of members has them."""
        ids = self.server.ok("GET", "/v1/segments/readers/members")["items"]
        names = {self.server.ok("GET", f"/v1/people/openid:shop:{name}")["id"]: name for name in ("anna", "ben", "carl")}
        return sorted(names[i] for i in ids)

    def told(self, person):
        items = self.server.ok("GET", f"/v1/people/openid:shop:{person}/events")["items"]
        return sorted(e["kind"] for e in items if e["kind"].startswith("segment."))

    def test_members_enter_by_events_and_leave_by_time_across_crashes(self):
        send = lambda events: self.server.ok("POST", "/v1/events", events)
        send(read("anna", 3, "2026-01-05T00:00:00+08:00") + read("ben", 1, "2026-01-05T00:00:00+08:00"))
        self.step_to("2026-01-05T01:00:00+08:00")
        self.assertEqual(self.server.send("PUT", "/v1/segments/readers", READERS).status, 201)

        # It is filled from the history, and that is not news.
        self.assertEqual(self.segment()["live_state"], "filling")
        self.step_to("2026-01-05T02:00:00+08:00")
        self.assertEqual((self.segment()["live_state"], self.segment()["count"]), ("filled", 1))
        self.assertEqual(self.told("anna"), [])

        # Entering by an event that is acknowledged just before the crash.
        send(read("carl", 2, "2026-01-05T02:00:00+08:00"))
        send(read("ben", 1, "2026-01-05T02:00:00+08:00", first=1))
        self.crash()
        self.step_to("2026-01-06T00:00:00+08:00")
        self.assertEqual(self.members(), ["anna", "ben", "carl"])
        self.assertEqual((self.told("ben"), self.told("carl"), self.told("anna")), (["segment.entered"], ["segment.entered"], []))
        self.assertIn("readers", self.server.ok("GET", "/v1/people/openid:shop:ben")["segments"])

        # The window of the first reads expires: nothing but time passes.
        self.crash()
        self.step_to("2026-01-12T00:00:00+08:00")
        self.assertEqual(self.members(), ["carl"])
        self.assertEqual((self.told("anna"), self.told("ben")), (["segment.left"], ["segment.entered", "segment.left"]))
        self.assertNotIn("readers", self.server.ok("GET", "/v1/people/openid:shop:ben")["segments"])
        self.step_to("2026-01-12T03:00:00+08:00")
        self.assertEqual((self.members(), self.segment()["count"]), ([], 0))

        # Own events can be asked for like any others, and a live segment has whom a query would find.
        entered = {"tree": {"event": "segment.entered", "item": {"kind": "segment", "id": "readers"}}}
        self.assertEqual(self.server.ok("POST", "/v1/segments/preview", entered)["count"], 2)
        send(read("anna", 2, "2026-01-12T03:00:00+08:00", first=10))
        self.step_to("2026-01-13T00:00:00+08:00")
        asked = self.server.ok("POST", "/v1/segments/preview", {"tree": READERS["tree"], "sample": 10})
        self.assertEqual((asked["count"], [p["id"] for p in asked["sample"]]), (1, self.server.ok("GET", "/v1/segments/readers/members")["items"]))

        # An ordinary segment again: nothing is kept, members are asked for.
        version = self.segment()["version"]
        self.server.ok("PUT", "/v1/segments/readers", {**READERS, "live": False}, headers={"If-Match": f'"{version}"'})
        self.assertIsNone(self.segment()["live_state"])
        self.assertEqual(self.members(), ["anna"])

    def test_a_segment_that_becomes_live_over_many_people_shows_how_far_it_is(self):
        people = 5000
        for i in range(0, people, 500):
            self.server.ok("POST", "/v1/events", [e for n in range(i, i + 500) for e in read(f"p{n}", 1 + n % 2, "2026-01-05T00:00:00+08:00")])
        self.step_to("2026-01-05T01:00:00+08:00")
        self.server.ok("PUT", "/v1/segments/readers", READERS)
        self.assertEqual((self.segment()["live_state"], self.segment()["live_progress"]), ("filling", 0))
        self.crash()
        self.step_to("2026-01-05T02:00:00+08:00")
        self.assertEqual((self.segment()["live_state"], self.segment()["live_progress"], self.segment()["count"]), ("filled", 1, people // 2))


if __name__ == "__main__":
    main()
