"""`zhiyin doctor wechat`: all is well with a connected account; each thing that is wrong is named, with what to do about it."""
import datetime
import hashlib
import json
import unittest

from harness import Server, connected, http, main


class DoctorWechat(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox, cls.server = connected(people=20)
        cls.account = cls.server.account["id"]

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.sandbox.close()

    def checks(self, expected_exit=None):
        done = self.server.cli("doctor", "wechat", "--account", self.account, "--json", check=False)
        if expected_exit is not None:
            self.assertEqual(done.returncode == 0, expected_exit == 0, done.stdout + done.stderr)
        report = json.loads(done.stdout)
        self.assertTrue(all(c["account"] == self.account for c in report["checks"]))
        self.assertEqual(report["ok"], all(c["ok"] for c in report["checks"]))
        return {c["name"]: c for c in report["checks"]}

    def test_1_a_connected_account_is_well(self):
        checks = self.checks(0)
        self.assertLessEqual({"settings", "access_token", "token_renewals", "clock", "callback", "callback_route", "callback_seen", "callback_mode",
                              "quota_mass", "quota_customer_service"}, set(checks))
        self.assertNotIn("public_address", checks, "a platform on this machine reaches loopback")
        self.assertIn(f"{self.server.url}/wechat/{self.account}", checks["callback"]["detail"])
        shown = self.server.cli("doctor", "wechat", "--account", self.account)
        self.assertIn(f"ok   {self.account}: access_token", shown)
        self.assertEqual(self.server.ok("GET", f"/v1/doctor/wechat?account={self.account}")["ok"], True)

    def test_2_an_address_that_is_not_allowed(self):
        self.sandbox.ok("POST", "/sandbox/inject", {"path": "/cgi-bin/stable_token", "kind": "errcode", "errcode": 40164, "times": 1})
        found = self.checks(1)["access_token"]
        self.assertFalse(found["ok"])
        self.assertIn("40164", found["detail"])
        self.assertIn("IP 白名单", found["advice"])
        self.assertTrue(self.checks(0)["access_token"]["ok"], "it asks anew each time")

    def test_3_a_wrong_secret(self):
        stored = self.server.ok("GET", f"/v1/accounts/{self.account}")
        self.server.ok("PUT", f"/v1/accounts/{self.account}", self.server.account | {"app_secret": "f" * 32},
                       headers={"If-Match": str(stored["version"])})
        self.addCleanup(lambda: self.server.ok("PUT", f"/v1/accounts/{self.account}", self.server.account,
                                               headers={"If-Match": str(stored["version"] + 1)}))
        found = self.checks(1)["access_token"]
        self.assertFalse(found["ok"])
        self.assertIn("AppSecret", found["advice"])
        self.assertNotIn("f" * 32, json.dumps(found))

    def test_4_plain_callbacks_although_the_account_is_in_secure_mode(self):
        now = int(datetime.datetime.fromisoformat(self.server.ok("GET", "/v1/session")["now"]).timestamp())
        def post(signature):
            return http("POST", f"{self.server.url}/wechat/{self.account}?signature={signature}&timestamp={now}&nonce=n", "<xml></xml>").status
        self.assertEqual(post("0" * 40), 401)
        self.assertTrue(self.checks(0)["callback_mode"]["ok"], "a stranger's request says nothing about the settings")
        signature = hashlib.sha1("".join(sorted([self.server.account["token"], str(now), "n"])).encode()).hexdigest()
        self.assertEqual(post(signature), 403)
        found = self.checks(1)["callback_mode"]
        self.assertFalse(found["ok"])
        self.assertIn("安全模式", found["advice"])
        self.assertIn("secure", found["detail"])

    def test_5_a_company_is_asked_by_its_own_rules_and_our_question_is_not_the_platforms(self):
        corp = next(a for a in self.sandbox.ok("GET", "/sandbox/accounts") if a["id"] == "corp")
        self.server.ok("POST", "/v1/accounts", corp)
        done = self.server.cli("doctor", "wechat", "--account", "corp", "--json", check=False)
        checks = {c["name"]: c for c in json.loads(done.stdout)["checks"]}
        self.assertTrue(checks["callback"]["ok"], checks["callback"])
        self.assertTrue(checks["callback"]["detail"].endswith("/wechat/corp"), checks["callback"])
        self.assertTrue(checks["trusted_address"]["ok"])
        self.assertFalse(checks["callback_seen"]["ok"], "nobody but ourselves has asked")
        self.assertNotEqual(done.returncode, 0)

    def test_6_an_unknown_account_is_an_error(self):
        done = self.server.cli("doctor", "wechat", "--account", "nobody", "--json", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("nobody", done.stdout + done.stderr)


class DoctorWechatWithoutServer(unittest.TestCase):
    def test_the_callback_of_a_server_that_does_not_run_is_named(self):
        server = Server('[wechat]\nbase_url = "http://127.0.0.1:9"\n')
        self.addCleanup(server.close)
        account = {"id": "shop", "app_id": "wx0123456789abcdef", "app_secret": "0" * 32, "token": "tOkEn", "mode": "plain"}
        (server.folder / "account.json").write_text(json.dumps(account))
        server.cli("account", "apply", server.folder / "account.json")
        done = server.cli("doctor", "wechat", "--json", check=False)
        self.assertNotEqual(done.returncode, 0)
        checks = {c["name"]: c for c in json.loads(done.stdout)["checks"]}
        self.assertIn("zhiyin serve", checks["callback"]["advice"])
        self.assertIn("base_url", checks["access_token"]["advice"])
        self.assertFalse(checks["callback_seen"]["ok"])
        self.assertTrue(checks["quota_mass"]["ok"])


if __name__ == "__main__":
    main()
