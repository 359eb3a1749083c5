"""The machine's clock jumps, both ways, under the running program: nothing is lost, nothing counted twice, nothing stands still."""
import os
import struct
import time
import unittest

from harness import ENVIRONMENT, Process, Server, http, main

LIBRARY = os.environ.get("CLOCK_SHIFT")
HOUR = 3600


class ClockJump(unittest.TestCase):
    def setUp(self):
        if not LIBRARY or not os.path.exists(LIBRARY):
            self.skipTest("CLOCK_SHIFT names no library (ctest sets it)")
        self.server = Server('log_level = "error"\n[storage]\nwarehouse_memory_mb = 64\n')
        self.addCleanup(self.server.close)
        self.shift_file = self.server.folder / "shift"
        self.shift_file.write_bytes(struct.pack("<q", 0))
        self.start()

    def start(self):
        environment = {k: v for k, v in ENVIRONMENT.items() if k != "CLOCK_SHIFT"} | {"LD_PRELOAD": LIBRARY, "CLOCK_SHIFT_FILE": str(self.shift_file)}
        self.server.process = Process(["serve", "--json", "--config", self.server.config], self.server.folder / "server.log", env=environment)
        self.server.key = self.server.process.ready["admin_key"] or self.server.key

    def jump(self, seconds):
        with open(self.shift_file, "r+b") as out:  # in place: the program has it mapped
            out.write(struct.pack("<q", seconds * 1_000_000))
        now = self.server.ok("GET", "/v1/session")["now"]
        expected = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + seconds + 8 * HOUR))
        later = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + seconds + 8 * HOUR - 30))
        self.assertIn(now[:16], (expected, later), "the program's clock did not jump")

    def send(self, name, fresh):
        """A batch under its ids; how many of them are new for the intake, which remembers ids while it runs."""
        events = [{"event_id": f"{name}{i}", "account": "shop", "identities": [{"kind": "openid", "value": f"o{i % 10}"}], "kind": "read", "value": 1}
                  for i in range(100)]
        answer = self.server.ok("POST", "/v1/events", events)
        self.assertEqual(answer["quarantined"], 0, answer)
        if fresh is not None:
            self.assertEqual(answer["accepted"], fresh)

    def expect(self, total):
        people, events = self.server.settled_total()
        self.assertEqual((people["count"], events), (10, total))
        self.assertEqual(self.server.ok("POST", "/v1/segments/preview", {"tree": {"event": "read", "count": {">=": total // 10}, "window": "30d"}})["count"], 10)
        metrics = self.server.send("GET", "/metrics").body.decode().splitlines()
        self.assertIn("zhiyin_projection_lag_records 0", metrics)

    def signed_in(self, cookie):
        return http("GET", self.server.url + "/v1/session", headers={"Cookie": cookie}).json["signed_in"]

    def test_both_ways(self):
        server = self.server
        server.ok("POST", "/v1/users", {"name": "anna", "password": "correct horse", "role": "operator"})
        answer = http("POST", server.url + "/v1/session", {"user": "anna", "password": "correct horse"})
        self.assertEqual(answer.status, 200, answer.body)
        cookie = answer.headers["Set-Cookie"].split(";")[0]
        self.send("a", 100)
        self.expect(100)

        self.jump(3 * HOUR)
        self.send("a", 0)
        self.send("b", 100)
        self.expect(200)
        self.assertTrue(self.signed_in(cookie))

        self.jump(-6 * HOUR)  # before everything that it knows
        self.send("a", 0)
        self.send("b", 0)
        self.send("c", 100)
        self.jump(3 * HOUR)  # what lies ahead of a clock that went back is no part of any window there
        self.expect(300)
        self.jump(-6 * HOUR)
        self.assertTrue(self.signed_in(cookie))

        # A new process remembers nothing but what is stored: ids of before the jump are still known.
        server.kill()
        self.start()
        for name in "abc":
            self.send(name, None)
        self.send("d", 100)
        self.jump(13 * HOUR)
        self.expect(400)
        self.assertFalse(self.signed_in(cookie), "a session that ended twelve hours after it began")
        server.kill()
        self.start()
        self.expect(400)


if __name__ == "__main__":
    main()
