"""A mini-program, a company and an advertiser of the sandbox at a real server: their accounts are taken as the sandbox states
them, callbacks of the mini-program arrive as XML and as JSON and its people are answered and written to, those of the company come
encrypted by its own rules, calls by name reach each of them, members confirm mass messages late or never, and refresh tokens that
are good for one use are carried over."""
import re
import time
import unittest

from harness import connected, http, main


VALUES = {"thing": "会员日", "time": "2026年1月6日 10:00", "date": "2026-01-06", "phrase": "即将开始", "amount": "68元", "number": "3",
          "name": "张三"}


class Companions(unittest.TestCase):
    def setUp(self):
        self.sandbox, self.server = connected(people=80)
        self.addCleanup(self.server.close)
        self.addCleanup(self.sandbox.close)
        self.accounts = {a["id"]: a for a in self.sandbox.ok("GET", "/sandbox/accounts")}
        keywords = [{"words": ["营业时间"], "reply": {"type": "text", "text": "9:00-21:00"}}, {"words": ["人工"], "reply": {"type": "transfer"}}]
        self.accounts["mini"]["reply_rules"] = {"keywords": keywords}
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
            replied = self.sandbox.ok("GET", "/sandbox/status")["totals"]["callback_counts"]["replied"]
            self.play("mini", "say", openid="oMini1", text="人工")  # the hand-over, in the format of the callback
            self.told()
            self.assertEqual(self.sandbox.ok("GET", "/sandbox/status")["totals"]["callback_counts"]["replied"] - replied, 1)
            self.play("mini", "deliver", openid="oMini2", msg_type="image", fields={"PicUrl": "https://p.example/1", "MediaId": "M1"})
            self.told()
        sent = self.server.ok("GET", "/v1/people/openid:mini:oMini2/events")["items"]
        self.assertEqual([(e["kind"], e["properties"]["message_type"]) for e in sent], [("message", "image")] * 2)
        self.assertEqual(self.server.ok("GET", "/v1/accounts/mini/conversations/oMini2")["left"], 5)

    def call(self, account, method, body):
        return self.server.ok("POST", f"/v1/accounts/{account}/wechat/{method}", body)

    def advance(self, by):
        answer = http("POST", self.sandbox.url + "/sandbox/advance", {"by": by})
        if answer.status == 503:  # its connections were those of a server that has died; it goes on from there
            answer = http("POST", self.sandbox.url + "/sandbox/advance", {"by": by})
        self.assertEqual(answer.status, 200, answer.body)

    def company(self, path, body):
        """A call of the company's own tools: what reaches people is not sent by name through the server."""
        corp = self.accounts["corp"]
        token = self.sandbox.ok("GET", f"/cgi-bin/gettoken?corpid={corp['app_id']}&corpsecret={corp['app_secret']}")["access_token"]
        return self.sandbox.ok("POST", f"/cgi-bin/externalcontact/{path}?access_token={token}", body)

    def send(self, account, openid, message):
        answer = self.server.ok("POST", f"/v1/accounts/{account}/send", {"openid": openid, "message": message})
        return answer["state"], answer["rule"], answer["error"]

    def test_people_of_a_mini_program_are_answered_and_written_to(self):
        self.connect()
        hello = {"msgtype": "text", "text": {"content": "您好"}}
        self.assertEqual(self.send("mini", "oMini1", hello)[:2], ("refused", "cs_window"))
        self.play("mini", "enter", openid="oMini3")
        self.told()
        window = self.server.ok("GET", "/v1/accounts/mini/conversations/oMini3")
        self.assertEqual([(o["trigger"], o["left"]) for o in window["openings"]], [("enter", 2)])
        self.assertEqual(self.send("mini", "oMini3", hello), ("sent", "none", ""))
        # Their first word: nobody has heard of them before, and the answer does not wait until somebody has.
        self.play("mini", "say", openid="oMini1", text="营业时间")
        deadline = time.monotonic() + 30
        answers = []
        while not (answers and answers[0]["reason"]) and time.monotonic() < deadline:
            answers = self.server.ok("GET", "/v1/accounts/mini/answers")["items"]
        self.assertEqual((answers[0]["decision"], answers[0]["reason"]), ("push", "sent"))
        self.told()
        self.assertEqual(self.send("mini", "oMini1", hello), ("sent", "none", ""))
        self.assertEqual(self.server.ok("GET", "/v1/accounts/mini/conversations/oMini1")["left"], 3)
        # A subscribe message needs a permission, and nothing else.
        template = self.server.ok("POST", "/v1/accounts/mini/wechat/newtmpl_list", {})["data"][0]
        notice = {"template_id": template["priTmplId"], "lang": "zh_CN", "miniprogram_state": "formal",
                  "data": {key: {"value": VALUES[key.rstrip("0123456789")]} for key in re.findall(r"\{\{(\w+)\.DATA\}\}", template["content"])}}
        self.assertEqual(self.send("mini", "oMini2", notice)[:2], ("refused", "no_grant"))
        self.play("mini", "grant", openid="oMini2", template_id=template["priTmplId"])
        self.told()
        self.assertEqual(self.send("mini", "oMini2", notice), ("sent", "none", ""))

    def test_a_follower_from_before_the_account_was_connected_is_answered(self):
        self.connect()
        hello = {"msgtype": "text", "text": {"content": "您好"}}
        shop = self.accounts["shop"]
        token = self.sandbox.ok("POST", "/cgi-bin/stable_token", {
            "grant_type": "client_credential", "appid": shop["app_id"], "secret": shop["app_secret"]})["access_token"]
        openid = self.sandbox.ok("GET", f"/cgi-bin/user/get?access_token={token}")["data"]["openid"][0]
        self.assertEqual(self.send("shop", openid, hello)[:2], ("refused", "not_following"))
        self.play("shop", "say", openid=openid, text="在吗")
        self.told()
        self.assertEqual(self.send("shop", openid, hello), ("sent", "none", ""))

    def test_calls_by_name_reach_each_of_them(self):
        self.assertIn("lili", str(self.call("corp", "wecom_members", {})))
        self.assertIn("沙箱", str(self.call("ads", "ads_accounts", {})))
        self.assertIn("https://wxaurl.cn/", str(self.call("mini", "url_link", {"path": "pages/index/index"})))

    def meet(self, member, contact, state=""):
        return self.play("corp", "meet", userid=member, external_userid=contact, state=state)["welcome_code"]

    def test_a_new_contact_of_the_company_is_reported_and_welcomed_once(self):
        self.connect(companions=["corp"])
        before = self.told()
        code = self.meet("lili", "wmNew", "store_1")
        self.assertEqual(self.told() - before, 1)
        seen = self.server.ok("GET", "/v1/accounts/corp/callbacks")["items"]
        self.assertEqual([c["event"] for c in seen], ["change_external_contact"])
        self.assertNotIn("wmNew", str(seen))
        events = self.server.ok("GET", "/v1/people/external_userid:corp:wmNew/events")["items"]
        self.assertEqual([e["kind"] for e in events], ["wecom.add_external_contact"])
        def welcome(welcome_code):
            return self.company("send_welcome_msg", {"welcome_code": welcome_code, "text": {"content": "您好，我是知音小店的莉莉"}})["errcode"]
        self.assertEqual([welcome(code), welcome(code)], [0, 41051])
        self.assertEqual(self.server.send("POST", "/v1/accounts/corp/wechat/wecom_welcome", {"welcome_code": code}).status, 501)
        late = self.meet("lili", "wmLate")
        self.advance("1m")
        self.assertEqual(welcome(late), 41050)
        self.play("corp", "part", userid="lili", external_userid="wmNew")
        self.assertEqual(self.told() - before, 3)

    def welcomes(self, outcome):
        found = re.search(r'zhiyin_wecom_welcomes_total\{outcome="%s"\} (\d+)' % outcome, self.server.ok("GET", "/metrics").decode())
        return int(found.group(1)) if found else 0

    def test_a_new_contact_is_welcomed_by_itself(self):
        corp = dict(self.accounts["corp"], reply_rules={"welcome": {"type": "text", "text": "您好，我是知音小店"}})
        wrong = dict(corp, reply_rules={"welcome": {"type": "transfer"}})
        version = self.server.ok("GET", "/v1/accounts/corp")["version"]
        change = {"If-Match": str(version)}
        refused = self.server.send("PUT", "/v1/accounts/corp", wrong, headers=change)
        self.assertEqual(refused.status, 400)
        self.assertIn("reply_rules.welcome.type", refused.body.decode())
        self.assertLess(self.server.send("PUT", "/v1/accounts/corp", corp, headers=change).status, 300)
        self.connect(companions=["corp"])
        code = self.meet("lili", "wmGreeted")
        self.told()
        deadline = time.monotonic() + 20
        while self.welcomes("sent") == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(self.welcomes("sent"), 1)
        welcome = {"welcome_code": code, "text": {"content": "再来一次"}}
        self.assertEqual(self.company("send_welcome_msg", welcome)["errcode"], 41051, "the code is used up")

    def test_a_task_leaves_out_whom_rules_protect(self):
        self.connect(companions=["corp"])
        for contact in ("wmA", "wmB"):
            self.meet("lili", contact)
        self.told()

        def task(*contacts):
            return self.server.send("POST", "/v1/accounts/corp/wecom/task",
                                    {"chat_type": "single", "external_userid": list(contacts), "text": {"content": "周末上新"}})
        first = task("wmA")
        self.assertEqual(first.status, 200, first.body)
        second = task("wmA", "wmB")
        self.assertEqual(second.json["left_out"], [{"external_userid": "wmA", "rule": "frequency_cap"}])
        self.assertEqual(task("wmA").status, 429)
        quota = {c["channel"]: c for c in self.server.ok("GET", "/v1/quota?account=corp")["items"][0]["channels"]}
        self.assertEqual((quota["wecom_task"]["used"], quota["wecom_task"]["limit"]), (2, 0))

    def test_a_confirmation_allows_one_one_time_message(self):
        self.connect()
        shop = self.accounts["shop"]
        token = self.sandbox.ok("POST", "/cgi-bin/stable_token", {
            "grant_type": "client_credential", "appid": shop["app_id"], "secret": shop["app_secret"]})["access_token"]
        openid = self.sandbox.ok("GET", f"/cgi-bin/user/get?access_token={token}")["data"]["openid"][0]
        template = self.server.ok("POST", "/v1/accounts/shop/wechat/template_list", {})["template_list"][0]["template_id"]
        page = self.server.ok("GET", f"/v1/accounts/shop/once-page?template_id={template}&scene=7&redirect_uri=https://a.example/back")
        self.assertIn("/mp/subscribemsg?action=get_confirm", page["url"])
        self.assertIn(f"reserved={page['reserved']}#wechat_redirect", page["url"])
        message = {"template_id": template, "scene": 7, "title": "到货", "url": "https://a.example/book",
                   "data": {"content": {"value": "您关注的书到了"}}}
        self.assertEqual(self.send("shop", openid, message)[:2], ("refused", "no_grant"))
        back = {"openid": openid, "template_id": template, "scene": 7, "action": "cancel", "reserved": page["reserved"]}
        report = "/v1/accounts/shop/once-confirmations"
        self.assertFalse(self.server.ok("POST", report, back)["recorded"])
        self.play("shop", "confirm_once", openid=openid, template_id=template, scene=7)
        back["action"] = "confirm"
        self.assertTrue(self.server.ok("POST", report, back)["recorded"])
        self.server.ok("POST", report, back)  # the page was loaded again
        self.server.settled_total()
        self.assertEqual(self.send("shop", openid, message), ("sent", "none", ""))
        self.assertEqual(self.send("shop", openid, message)[:2], ("refused", "no_grant"))
        self.assertEqual(self.server.send("POST", report, dict(back, action="maybe")).status, 400)

    def test_members_confirm_a_mass_message_at_once_late_and_never(self):
        self.connect(companions=["corp"])
        members = {"lili": "wmSoon", "zhangmin": "wmLater", "zhaolei": "wmNever"}
        for member, contact in members.items():
            self.meet(member, contact)
        task = self.company("add_msg_template", {"chat_type": "single", "external_userid": [*members.values(), "wmNobody"],
                                                 "text": {"content": "周末上新"}})
        self.assertEqual(task["fail_list"], ["wmNobody"])

        def sent():
            done = {t["userid"] for t in self.call("corp", "wecom_mass_task", {"msgid": task["msgid"]})["task_list"] if t["status"] == 2}
            for member, contact in members.items():
                results = self.call("corp", "wecom_mass_result", {"msgid": task["msgid"], "userid": member})["send_list"]
                self.assertEqual([(r["external_userid"], r["status"]) for r in results], [(contact, int(member in done))])
            return done
        self.assertEqual(sent(), set())
        self.advance("1h")
        self.assertEqual(sent(), {"lili"})
        self.advance("4h")
        self.assertEqual(sent(), {"lili", "zhangmin"})
        self.advance("3d")
        reminders = [self.company("remind_groupmsg_send", {"msgid": task["msgid"]})["errcode"] for _ in range(4)]
        self.assertEqual(reminders, [0, 0, 0, 45009])
        self.advance("2h")
        self.assertEqual(sent(), {"lili", "zhangmin"})

    def test_refresh_tokens_of_the_advertiser_are_good_for_one_use_and_carried_over(self):
        def works():
            self.assertIn("沙箱", str(self.call("ads", "ads_accounts", {})))
        works()
        for _ in range(3):  # an access token lasts a day, the refresh token before the last one five minutes
            self.advance("26h")
            works()
        ads = self.accounts["ads"]
        again = self.sandbox.ok("GET", f"/oauth/token?client_id={ads['app_id']}&client_secret={ads['app_secret']}"
                                       f"&grant_type=refresh_token&refresh_token={ads['refresh_token']}")
        self.assertNotEqual(again["code"], 0, "the sandbox takes a refresh token twice")
        self.advance("26h")
        self.server.kill()
        self.server.start()
        works()
        # The file that connected the account is applied again: its refresh token is long used up, and what was kept counts.
        stored = self.server.ok("GET", "/v1/accounts/ads")
        self.server.ok("PUT", "/v1/accounts/ads", self.accounts["ads"], headers={"If-Match": str(stored["version"])})
        works()
        self.advance("26h")
        works()


if __name__ == "__main__":
    main()
