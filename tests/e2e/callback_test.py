"""WeChat's callback from outside: the address check, signatures, deduplication, opt-out, and what is refused."""
import concurrent.futures
import hashlib
import itertools
import time
import unittest

from harness import Server, http, main

TOKEN = "tokenfortests"


NONCES = itertools.count()


def signed(timestamp, token=TOKEN):
    nonce = f"n{next(NONCES)}"
    signature = hashlib.sha1("".join(sorted([token, timestamp, nonce])).encode()).hexdigest()
    return f"signature={signature}&timestamp={timestamp}&nonce={nonce}"


def text_message(msg_id, content, sender="oSender1", created=None):
    return (f"<xml><ToUserName><![CDATA[gh_test]]></ToUserName><FromUserName><![CDATA[{sender}]]></FromUserName>"
            f"<CreateTime>{created or int(time.time())}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
            f"<Content><![CDATA[{content}]]></Content><MsgId>{msg_id}</MsgId></xml>")


def follow(sender, created, event="subscribe"):
    return (f"<xml><ToUserName>gh_test</ToUserName><FromUserName>{sender}</FromUserName><CreateTime>{created}</CreateTime>"
            f"<MsgType>event</MsgType><Event>{event}</Event></xml>")


class Callback(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server('log_level = "error"\n').start()
        cls.server.ok("POST", "/v1/accounts", {
            "id": "shop", "app_id": "wx0123456789abcdef", "original_id": "gh_test", "token": TOKEN, "mode": "plain",
            "reply_rules": {"welcome": {"type": "text", "text": "欢迎关注"},
                            "keywords": [{"words": ["营业时间"], "reply": {"type": "text", "text": "9:00-21:00"}}]}})

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def post(self, body, query=None, account="shop"):
        return http("POST", f"{self.server.url}/wechat/{account}?{query or signed(str(int(time.time())))}", body)

    def test_the_address_check_echoes_only_for_the_right_signature(self):
        now = str(int(time.time()))
        good = http("GET", f"{self.server.url}/wechat/shop?{signed(now)}&echostr=12345")
        self.assertEqual((good.status, good.body), (200, b"12345"))
        self.assertEqual(http("GET", f"{self.server.url}/wechat/shop?{signed(now, token='other')}&echostr=1").status, 401)
        self.assertEqual(http("GET", f"{self.server.url}/wechat/nobody?{signed(now)}&echostr=1").status, 404)
        checked = self.server.ok("POST", "/v1/accounts/shop/check")
        self.assertTrue(checked["callback_seen_at"])

    def test_an_opt_out_is_applied_whatever_the_platforms_clock_says(self):
        self.post(follow("oAhead", int(time.time()) - 100))
        ahead = int(time.time()) + 400
        self.assertIn("退订", self.post(text_message(3001, "TD", "oAhead", created=ahead), signed(str(ahead))).body.decode())
        self.server.settled_total()
        kinds = [e["kind"] for e in self.server.ok("GET", "/v1/people/openid:shop:oAhead/events")["items"]]
        self.assertIn("consent.withdraw", kinds)
        self.assertEqual(self.server.ok("GET", "/v1/quarantine")["total"], 0)

    def test_answers_and_repeated_deliveries(self):
        body = text_message(1001, "营业时间")
        first = self.post(body)
        self.assertIn("9:00-21:00", first.body.decode())
        self.assertEqual(self.post(body).body, first.body)
        self.assertIn("欢迎关注", self.post(follow("oNew", int(time.time()))).body.decode())
        self.assertEqual(self.post(text_message(1002, "随便说说")).body, b"success")
        events = self.server.settled_total()[1]
        self.post(body)
        self.assertEqual(self.server.settled_total()[1], events)

    def test_opt_out_ends_consent_and_late_unfollow_loses_to_newer_follow(self):
        now = int(time.time())
        self.post(follow("oFan", now - 50))
        self.assertIn("退订", self.post(text_message(2001, "TD", "oFan")).body.decode())
        self.server.settled_total()
        portrait = self.server.ok("GET", "/v1/people/openid:shop:oFan")
        self.assertIn("shop", portrait["following"])
        events = [e["kind"] for e in self.server.ok("GET", "/v1/people/openid:shop:oFan/events")["items"]]
        self.assertIn("consent.withdraw", events)
        self.post(follow("oFan", now - 100, "unsubscribe"))
        self.server.settled_total()
        self.assertIn("shop", self.server.ok("GET", "/v1/people/openid:shop:oFan")["following"])

    def test_a_strange_sender_harms_nobody_who_comes_at_the_same_time(self):
        senders = ["中" * 40, "a中中中", *(f"oBeside{i}" for i in range(60))]
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda i: self.post(text_message(7000 + i, "TD", senders[i])).status, range(len(senders))))
        self.assertEqual(answers, [200] * len(senders))
        shown = [c["sender"] for c in self.server.ok("GET", "/v1/accounts/shop/callbacks?limit=200")["items"]]
        self.assertIn("中…(120)", shown)
        self.assertIn("a中…(10)", shown)

    def test_what_is_refused(self):
        now = str(int(time.time()))
        self.assertEqual(self.post(text_message(1, "x"), signed(now, token="wrong")).status, 401)
        self.assertEqual(self.post(text_message(1, "x"), signed(str(int(time.time()) - 3600))).status, 403)
        self.assertEqual(self.post("<xml><a>", signed(now)).status, 400)
        self.assertEqual(self.post("garbage", signed(now)).status, 400)
        self.assertEqual(self.post("", signed(now)).status, 400)
        bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><xml><FromUserName>&a;</FromUserName></xml>'
        self.assertEqual(self.post(bomb, signed(now)).status, 400)
        self.assertIn(self.post("<xml>" + "<a>" * 5000 + "</a>" * 5000 + "</xml>", signed(now)).status, (400, 413))
        self.assertEqual(self.post("<xml>" + "x" * (1 << 20) + "</xml>", signed(now)).status, 413)
        self.assertEqual(self.post(text_message(1, "x"), account="nobody").status, 404)
        self.assertEqual(self.post(text_message(3001, "still fine")).body, b"success")


if __name__ == "__main__":
    main()
