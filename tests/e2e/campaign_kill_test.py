"""kill -9 while a campaign sends: after a restart it ends, and nobody got a message twice."""
import collections
import os
import random
import threading
import unittest

from harness import connected, main

KILLS = int(os.environ.get("ZHIYIN_KILLS", "3"))


class CampaignKill(unittest.TestCase):
    def test_nobody_is_reached_twice(self):
        sandbox, server = connected(people=400)
        self.addCleanup(sandbox.close)
        self.addCleanup(server.close)
        account = server.account["id"]
        server.run_ended(server.ok("POST", f"/v1/accounts/{account}/sync")["run"])
        server.ok("PUT", "/v1/segments/all", {"name": "all", "tree": {"following": account}})
        server.ok("POST", "/v1/clock", {"to": "2026-01-05T10:00:00+08:00"})
        templates = sandbox.ok("GET", "/sandbox/status")
        rng = random.Random(11)
        for number in range(-(-KILLS // 3)):
            self.send_one(sandbox, server, account, f"notice{number}", f"2026-0{1 + number % 9}-06T10:00:00+08:00", rng,
                          min(3, KILLS - number * 3))
        self.assertTrue(templates)

    def send_one(self, sandbox, server, account, campaign, at, rng, kills):
        before = collections.Counter(m["openid"] for m in sandbox.ok("GET", "/sandbox/messages")["messages"])
        server.ok("PUT", f"/v1/campaigns/{campaign}", {
            "name": campaign, "account": account, "segment": "all", "holdout": 0.1, "channel": "template",
            "purpose": "notification",
            "message": {"type": "template", "template_id": "ORDERSHIP_sb_4QwLr8vY2nKd0uTzXc5mJh1pGfEaBs",
                        "data": {"character_string1": "A1", "thing2": "绘本", "time3": "2026-01-06 10:00"}}})
        server.ok("POST", f"/v1/campaigns/{campaign}/start")
        for _ in range(kills):
            timer = threading.Timer(rng.uniform(0.02, 0.4), server.kill)
            timer.start()
            try:
                server.send("POST", "/v1/clock", {"to": at})
            except Exception as problem:
                self.assertIn(type(problem).__name__, ("RemoteDisconnected", "URLError", "ConnectionResetError", "IncompleteRead", "BadStatusLine"))
            timer.join()
            server.start()
        server.ok("POST", "/v1/clock", {"to": at})
        ended = server.ok("GET", f"/v1/campaigns/{campaign}")
        self.assertEqual(ended["state"], "done", ended)
        progress = ended["progress"]
        self.assertEqual(progress["planned"] + progress["sending"], 0, progress)
        after = collections.Counter(m["openid"] for m in sandbox.ok("GET", "/sandbox/messages")["messages"])
        received = after - before
        self.assertEqual(max(received.values(), default=0), 1, "somebody got the message twice")
        # Every touch is closed; what the platform accepted is sent, or unknown where the answer was lost.
        self.assertLessEqual(progress["sent"], len(received))
        self.assertLessEqual(len(received), progress["sent"] + progress["unknown"])


if __name__ == "__main__":
    main()
