"""kill -9 while a campaign sends: after a restart it ends, and nobody got a message twice."""
import collections
import datetime
import os
import random
import threading
import unittest

from harness import connected, http, main

KILLS = int(os.environ.get("ZHIYIN_KILLS", "3"))


class CampaignKill(unittest.TestCase):
    def setUp(self):
        self.sandbox, self.server = connected(people=300)
        self.addCleanup(self.sandbox.close)
        self.addCleanup(self.server.close)
        self.account = self.server.account["id"]

    def advance(self, by):
        """A connection that the killed server left behind fails the first call; the same call goes on from there."""
        for _ in range(20):
            answer = http("POST", self.sandbox.url + "/sandbox/advance", {"by": by})
            if answer.status == 200:
                return
            self.assertEqual(answer.status, 503, answer.body)
        self.fail("the sandbox cannot reach the server")

    def advance_to_ten(self, days):
        """Ten in the morning, in no quiet hour, whatever the repeated calls above made of the time before."""
        now = datetime.datetime.fromisoformat(self.server.ok("GET", "/v1/session")["now"])
        then = (now + datetime.timedelta(days=days)).replace(hour=10, minute=0, second=0, microsecond=0)
        self.advance(f"{int((then - now).total_seconds())}s")

    def openids(self):
        token = self.sandbox.ok("POST", "/cgi-bin/stable_token", {
            "grant_type": "client_credential", "appid": self.server.account["app_id"], "secret": self.server.account["app_secret"]})
        return self.sandbox.ok("GET", f"/cgi-bin/user/get?access_token={token['access_token']}")["data"]["openid"]

    def received(self, openids):
        return collections.Counter({o: self.sandbox.ok("GET", f"/sandbox/people/{o}")["messages"] for o in openids})

    def test_nobody_is_reached_twice(self):
        self.server.run_ended(self.server.ok("POST", f"/v1/accounts/{self.account}/sync")["run"])
        self.server.ok("PUT", "/v1/segments/all", {"name": "all", "tree": {"following": self.account}})
        self.advance("10h")
        rng = random.Random(11)
        done, number = 0, 0
        while done < KILLS:
            kills = min(3, KILLS - done)
            self.send_one(f"notice{number}", rng, kills)
            done, number = done + kills, number + 1
            # The gate allows four messages a month: the next campaign goes out in the next month.
            self.advance_to_ten(days=2 if number % 4 else 31)

    def send_one(self, campaign, rng, kills):
        openids = self.openids()
        before = self.received(openids)
        self.server.ok("PUT", f"/v1/campaigns/{campaign}", {
            "name": campaign, "account": self.account, "segment": "all", "holdout": 0.1, "channel": "template",
            "purpose": "notification",
            "message": {"type": "template", "template_id": "ORDERSHIP_sb_4QwLr8vY2nKd0uTzXc5mJh1pGfEaBs",
                        "data": {"character_string1": "A1", "thing2": "绘本", "time3": "2026-01-06 10:00"}}})
        self.server.ok("POST", f"/v1/campaigns/{campaign}/start")
        now = self.server.ok("GET", "/v1/session")["now"]
        for _ in range(kills):
            timer = threading.Timer(rng.uniform(0.02, 0.6), self.server.kill)
            timer.start()
            try:
                self.server.send("POST", "/v1/clock", {"to": now})
            except OSError:
                pass
            except Exception as problem:  # a connection cut in the middle of an answer
                self.assertIn(type(problem).__name__, ("RemoteDisconnected", "IncompleteRead", "BadStatusLine"))
            timer.join()
            self.server.start()
        self.server.ok("POST", "/v1/clock", {"to": now})
        ended = self.server.ok("GET", f"/v1/campaigns/{campaign}")
        self.assertEqual(ended["state"], "done", ended)
        progress = ended["progress"]
        self.assertEqual(progress["planned"] + progress["sending"], 0, progress)
        self.assertGreater(progress["sent"], 50, progress)
        self.advance("1h")
        received = self.received(openids) - before
        self.assertEqual(max(received.values(), default=0), 1, "somebody got the message twice")
        # What the platform accepted is sent (or failed by its later report), or unknown where the answer was lost.
        self.server.settled_total()
        progress = self.server.ok("GET", f"/v1/campaigns/{campaign}")["progress"]
        self.assertLessEqual(progress["sent"], len(received), progress)
        self.assertLessEqual(len(received), progress["sent"] + progress["unknown"], progress)


if __name__ == "__main__":
    main()
