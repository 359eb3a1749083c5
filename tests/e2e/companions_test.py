"""A mini-program, a company and an advertiser of the sandbox at a real server: their accounts are taken as the sandbox states
them, callbacks of the mini-program arrive as XML and as JSON, and calls by name reach each of them."""
import unittest

from harness import connected, main


class Companions(unittest.TestCase):
    def setUp(self):
        self.sandbox, self.server = connected(people=80)
        self.addCleanup(self.server.close)
        self.addCleanup(self.sandbox.close)
        self.accounts = {a["id"]: a for a in self.sandbox.ok("GET", "/sandbox/accounts")}
        for name in ("mini", "corp", "ads"):
            self.server.ok("POST", "/v1/accounts", self.accounts[name])

    def connect(self, **more):
        ingest = self.server.ok("POST", "/v1/keys", {"name": "companions", "role": "ingest", "accounts": ["shop"]})["key"]
        self.sandbox.ok("POST", "/sandbox/connect", {"url": self.server.url, "admin_key": self.server.key, "ingest_key": ingest,
                                                     "companions": ["mini"], **more})

    def play(self, account, kind, **more):
        return self.sandbox.ok("POST", "/sandbox/play", {"account": account, "kind": kind, **more})

    def told(self):
        self.server.settled_total()
        status = self.sandbox.ok("GET", "/sandbox/status")
        self.assertEqual(status["complaints"], [])
        counts = status["totals"]["callback_counts"]
        self.assertEqual((counts["unanswered"], counts["bad_answers"]), (0, 0), counts)
        return counts["acknowledged"] + counts["replied"]

    def test_callbacks_of_the_mini_program_are_read(self):
        for mini_format in (False, True):
            self.connect(json=mini_format)
            before = self.told()
            self.play("mini", "say", openid="oMini1", text="在吗")
            self.play("mini", "enter", openid="oMini1")
            self.assertEqual(self.told() - before, 2)

    def test_calls_by_name_reach_each_of_them(self):
        def call(account, method, body):
            return self.server.ok("POST", f"/v1/accounts/{account}/wechat/{method}", body)
        self.assertIn("lili", str(call("corp", "wecom_members", {})))
        self.assertIn("沙箱", str(call("ads", "ads_accounts", {})))
        self.assertIn("https://wxaurl.cn/", str(call("mini", "url_link", {"path": "pages/index/index"})))


if __name__ == "__main__":
    main()
