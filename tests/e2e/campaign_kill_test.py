"""kill -9 while a campaign sends, on each channel: after a restart it ends, and nobody got a message twice."""
import collections
import datetime
import os
import random
import threading
import unittest

from harness import connected, http, main

KILLS = int(os.environ.get("ZHIYIN_KILLS", "3"))
CHANNELS = ("template", "mass", "customer_service")
PATHS = {"template": "/cgi-bin/message/template/send", "mass": "/cgi-bin/message/mass/send", "customer_service": "/cgi-bin/message/custom/send"}
LOST_ANSWERS = 2
MESSAGES = {
    "template": {"purpose": "notification", "message": {
        "type": "template", "template_id": "ORDERSHIP_sb_4QwLr8vY2nKd0uTzXc5mJh1pGfEaBs",
        "data": {"character_string1": "A1", "thing2": "绘本", "time3": "2026-01-06 10:00"}}},
    "mass": {"message": {"type": "text", "text": "新书到店"}},
    "customer_service": {"message": {"type": "text", "text": "您问的书到了"}},
}


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
        # Small batches, so that a mass send is many calls.
        stored = self.server.ok("GET", f"/v1/accounts/{self.account}")
        self.server.ok("PUT", f"/v1/accounts/{self.account}", self.server.account | {"policy": stored["policy"] | {"mass_openids_max": 8}},
                       headers={"If-Match": str(stored["version"])})
        self.advance("10h")
        rng = random.Random(11)
        done, number = 0, 0
        while done < KILLS:
            kills = min(3, KILLS - done, max(1, KILLS // len(CHANNELS)))
            self.send_one(CHANNELS[number % len(CHANNELS)], f"notice{number}", rng, kills)
            done, number = done + kills, number + 1
            # The gate allows four messages a month: the next campaign goes out in the next month.
            self.advance_to_ten(days=2 if number % 4 else 31)

    def send_one(self, channel, campaign, rng, kills):
        openids = self.openids()
        if channel == "customer_service":
            self.open_windows(openids)
        self.advance("1h")  # what was sent before has arrived
        before = self.received(openids)
        self.server.ok("PUT", f"/v1/campaigns/{campaign}", {
            "name": campaign, "account": self.account, "segment": "all", "holdout": 0.1, "channel": channel} | MESSAGES[channel])
        self.server.ok("POST", f"/v1/campaigns/{campaign}/start")
        self.make_trouble(channel)
        now = self.server.ok("GET", "/v1/session")["now"]
        for _ in range(kills):
            self.kill_while_sending(now, rng.uniform(0.02, 0.6))
        self.server.ok("POST", "/v1/clock", {"to": now})
        ended = self.ended(campaign)
        progress = ended["progress"]
        self.assertEqual(progress["planned"] + progress["sending"], 0, progress)
        self.assertGreater(progress["sent"], 20, progress)
        self.advance("1h")
        received = self.received(openids) - before
        self.assertEqual(max(received.values(), default=0), 1, f"{channel}: somebody got the message twice")
        self.server.settled_total()
        self.check_account(channel, self.server.ok("GET", f"/v1/campaigns/{campaign}")["progress"], len(received), kills)

    def open_windows(self, openids):
        """Customer-service messages go to those who wrote within two days."""
        for openid in openids[:80]:
            answer = http("POST", self.sandbox.url + "/sandbox/act", {"openid": openid, "kind": "message", "text": "在吗"})
            self.assertIn(answer.status, (200, 409, 503), answer.body)  # 409: follows no more; 503: a connection of a killed server

    def make_trouble(self, channel):
        """Calls that take long enough to be cut off, and some whose answer is lost although they went through."""
        path = PATHS[channel]
        self.sandbox.ok("POST", "/sandbox/inject", {"path": path, "kind": "close_after", "times": LOST_ANSWERS})
        self.sandbox.ok("POST", "/sandbox/inject", {"path": path, "kind": "slow", "delay_ms": 10, "times": 30})

    def kill_while_sending(self, now, after):
        timer = threading.Timer(after, self.server.kill)
        timer.start()
        try:
            self.server.send("POST", "/v1/clock", {"to": now})
        except OSError:
            pass
        except Exception as problem:  # a connection cut in the middle of an answer
            self.assertIn(type(problem).__name__, ("RemoteDisconnected", "IncompleteRead", "BadStatusLine"))
        timer.join()
        self.server.start()

    def ended(self, campaign):
        """Batches and templates without an answer are asked for again some minutes later."""
        for _ in range(20):
            ended = self.server.ok("GET", f"/v1/campaigns/{campaign}")
            if ended["state"] == "done":
                return ended
            self.assertEqual(ended["state"], "running", ended)
            self.advance("2m")
        self.fail(f"it does not end: {ended}")

    def check_account(self, channel, progress, received, kills):
        """What the platform accepted is sent (or failed by its later report), or unknown where the answer was lost."""
        self.assertLessEqual(received, progress["sent"] + progress["unknown"], progress)
        if channel == "customer_service":
            # It knows no ids, so nothing is ever repeated: what was under way stays unknown.
            self.assertLessEqual(progress["sent"], received, progress)
            self.assertGreaterEqual(progress["unknown"], LOST_ANSWERS, progress)
            self.assertLessEqual(progress["unknown"], LOST_ANSWERS + kills, progress)
        elif channel == "mass":
            # The same call under the same id tells what became of the first, so all are found; the platform itself loses
            # some of what it accepts.
            self.assertEqual(progress["unknown"], 0, progress)
            self.assertLessEqual(progress["sent"] * 0.9, received, progress)
        else:
            self.assertLessEqual(progress["sent"], received, progress)


if __name__ == "__main__":
    main()
