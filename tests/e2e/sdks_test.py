"""Analytics SDKs of others, unmodified but for their host: what they send arrives once, also when the server is killed in between."""
import base64
import gzip
import json
import subprocess
import unittest

from harness import ROOT, Server, http, main

SDKS = ROOT / "tests" / "sdks"


class Sdks(unittest.TestCase):
    def start(self):
        server = Server().start()
        self.addCleanup(server.close)
        server.write_key = server.ok("POST", "/v1/keys", {"name": "shop", "role": "ingest", "accounts": ["shop"]})["key"]
        return server

    def events(self, server, person):
        server.settled_total()
        return server.ok("GET", f"/v1/people/user_id:shop:{person}/events?limit=100")["items"]

    def tell(self, sdk):
        if not (SDKS / "node_modules").exists():
            raise unittest.SkipTest("needs tests/sdks/node_modules (./dev setup test)")
        server = self.start()
        child = subprocess.Popen(["node", SDKS / "send.mjs", sdk, server.url, server.write_key, "one"], cwd=SDKS, text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            self.assertEqual(child.stdout.readline().strip(), "sent 1", child.stderr)
            server.kill()
            child.stdin.write("\n")
            child.stdin.flush()
            # The SDK now sends to nobody, and again until somebody answers.
            self.assertEqual(child.stdout.readline().strip(), "sending 2")
            server.start()
            child.stdin.write("\n")
            child.stdin.flush()
            self.assertEqual(child.stdout.readline().strip(), "sent 2", "the SDK gave up")
            self.assertEqual(child.wait(timeout=60), 0)
        finally:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout, child.stderr):
                pipe.close()
        self.assertEqual(server.ok("GET", "/v1/quarantine")["items"], [])
        person = f"{sdk}-one"
        events = self.events(server, person)
        kinds = sorted(event["kind"] for event in events)
        named = next(event for event in events if event["properties"].get("event") == "查看课程")["kind"]
        self.assertEqual(kinds, sorted(["alias", "cart", "purchase", "trait.set", "trait.set", "view", "view", named]))
        purchase = next(event for event in events if event["kind"] == "purchase")
        self.assertEqual((purchase["value"], purchase["item"]["kind"], purchase["item"]["id"]), (1990, "product", "p1"))
        self.assertEqual(next(event for event in events if event["kind"] == "cart")["value"], 2)
        portrait = server.ok("GET", f"/v1/people/user_id:shop:{person}")
        text = json.dumps(portrait, ensure_ascii=False)
        for trait in ("plan", "seats", "group_id", "group_name"):
            self.assertIn(trait, text)
        self.assertNotIn("someone@example.com", text, "who somebody is stays sealed")
        same = {server.ok("GET", f"/v1/people/{identity}")["id"]
                for identity in (f"user_id:shop:{person}", f"anonymous_id:shop:{person}-device", f"user_id:shop:{person}-before")}
        self.assertEqual(len(same), 1, "userId, anonymousId and previousId are one person")

    def test_segment_for_node(self):
        self.tell("segment")

    def test_rudderstack_for_node(self):
        self.tell("rudder")

    def basic(self, key):
        return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}

    def test_a_repeated_batch_counts_once_and_the_rest_of_a_broken_one_is_taken(self):
        server = self.start()
        batch = {"batch": [{"type": "track", "userId": "u1", "event": "Signed Up", "messageId": "m1"},
                           {"type": "track", "userId": "u1", "messageId": "m2"},
                           {"type": "page", "anonymousId": "a1", "messageId": "m3", "name": "Home"}],
                 "sentAt": "2026-01-01T00:00:00Z"}
        packed = gzip.compress(json.dumps(batch).encode())
        for _ in range(2):
            answer = http("POST", server.url + "/v1/batch", packed, {"Content-Encoding": "gzip", **self.basic(server.write_key)})
            self.assertEqual((answer.status, answer.json), (200, {"success": True}))
        self.assertEqual(len(self.events(server, "u1")), 1)
        refused = server.ok("GET", "/v1/quarantine")["items"]
        self.assertEqual([(e["field"], e["source"]) for e in refused], [("event", "tracking")] * 2)
        mended = refused[0]["event"]
        mended["tracking_call"]["event"] = "Signed In"
        self.assertEqual(server.ok("POST", f"/v1/quarantine/{refused[0]['id']}/resubmit", mended)["status"], "accepted")
        self.assertEqual(sorted(e["kind"] for e in self.events(server, "u1")), ["signed_in", "signed_up"])

    def test_write_keys_belong_to_one_account(self):
        server = self.start()
        call = {"userId": "u", "event": "x"}
        several = server.ok("POST", "/v1/keys", {"name": "two", "role": "ingest", "accounts": ["a", "b"]})["key"]
        free = server.ok("POST", "/v1/keys", {"name": "all", "role": "ingest"})["key"]
        for key, status, word in ((several, 400, "2 accounts"), (free, 400, "no accounts"), ("wrong", 401, "key"), (server.key, 400, "role")):
            answer = http("POST", server.url + "/v1/track", call, self.basic(key))
            self.assertEqual(answer.status, status)
            self.assertIn(word, answer.json["message"])
        self.assertEqual(http("POST", server.url + "/v1/t", {**call, "writeKey": server.write_key}).json, {"success": True})
        self.assertEqual(http("POST", server.url + "/v1/batch", "{", self.basic(server.write_key)).status, 400)
        lower = {"Authorization": self.basic(server.write_key)["Authorization"].replace("Basic", "basic")}
        self.assertEqual(http("POST", server.url + "/v1/batch", "{", lower).status, 400, "known, whatever the letters' case")
        page = server.ok("POST", "/v1/keys", {"name": "site", "role": "page", "accounts": ["shop"]})["key"]
        browser = {"User-Agent": "Mozilla/5.0 Chrome/126.0"}
        self.assertEqual(http("POST", server.url + "/v1/i", {"userId": "claimed", "traits": {"vip": True}, "writeKey": page}, browser).status, 200)
        self.assertEqual([e["kind"] for e in self.events(server, "claimed")], ["identify"])

    def test_bots_are_kept_and_not_counted(self):
        server = self.start()
        page = server.ok("POST", "/v1/keys", {"name": "site", "role": "page", "accounts": ["shop"]})["key"]
        event = [{"account": "shop", "identities": [{"kind": "anonymous_id", "value": "crawler"}], "kind": "read", "value": 5,
                  "item": {"kind": "article", "id": "1"}}]
        crawler = {"User-Agent": "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)"}
        self.assertEqual(http("POST", f"{server.url}/v1/collect?key={page}", event, crawler).json["accepted"], 1)
        call = {"userId": "fetched", "event": "x", "context": {"userAgent": "facebookexternalhit/1.1"}}
        self.assertEqual(http("POST", server.url + "/v1/track", call, self.basic(server.write_key)).status, 200)
        self.assertEqual(server.settled_total()[1], 0, "the overview counts what people did")
        bots = {kind["kind"]: (kind["events"], kind["bots"]) for kind in server.ok("GET", "/v1/kinds")["items"]}
        self.assertEqual((bots["read"], bots["x"]), ((0, 1), (0, 1)), "both numbers stay")
        self.assertEqual(server.send("GET", "/v1/people/anonymous_id:shop:crawler").status, 404)
        self.assertEqual(server.send("GET", "/v1/people/user_id:shop:fetched").status, 404)
        metrics = server.ok("GET", "/metrics").decode()
        self.assertIn('zhiyin_events_of_bots_total{agent="crawler"} 1', metrics)
        self.assertIn('zhiyin_events_of_bots_total{agent="preview"} 1', metrics)


if __name__ == "__main__":
    main()
