"""Clients that nobody here wrote drive the callback endpoint and read its answers: wechatpy (official accounts and WeCom), and
wechat-crypto and @wecom/crypto of npm. Run with the Python of build/venv; exit 77 = skipped."""
import itertools
import json
import subprocess
import sys
import time
import unittest

from harness import ROOT, Server, http, main

try:
    from wechatpy import parse_message
    from wechatpy.crypto import WeChatCrypto
    from wechatpy.enterprise.crypto import WeChatCrypto as WecomCrypto
    from wechatpy.utils import WeChatSigner
    import xmltodict
except ImportError as missing:
    print(f"skipped: {missing} (./dev setup test puts wechatpy into build/venv)")
    sys.exit(77)

TOKEN, KEY = "pamtest", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
APP, CORP, SUITE = "wxb11529c136998cb6", "ww5823bf96d3bd56c7", "tj4asffe99e54c0f4c"
SDKS = ROOT / "tests" / "sdks"
REPLIES = {
    "文字": {"type": "text", "text": "9:00-21:00 <&>"},
    "图片": {"type": "image", "media_id": "m1"},
    "语音": {"type": "voice", "media_id": "m2"},
    "视频": {"type": "video", "media_id": "m3", "title": "春", "description": "d"},
    "音乐": {"type": "music", "title": "歌", "music_url": "https://a.example/1.mp3", "thumb_media_id": "t"},
    "图文": {"type": "news", "articles": [{"title": "标题", "url": "https://a.example/?a=1&b=2"}]},
    "人工": {"type": "transfer", "kf_account": "li@shop"},
}
IDS = itertools.count(int(time.time() * 1000))


def signature(*parts):
    signer = WeChatSigner()
    signer.add_data(*parts)
    return signer.signature


def text(content, sender="oPython", to="gh_shop", more=""):
    return (f"<xml><ToUserName><![CDATA[{to}]]></ToUserName><FromUserName><![CDATA[{sender}]]></FromUserName>"
            f"<CreateTime>{int(time.time())}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{content}]]></Content>"
            f"<MsgId>{next(IDS)}</MsgId>{more}</xml>")


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server('log_level = "error"\n').start()
        keywords = [{"words": [word], "reply": reply} for word, reply in REPLIES.items()]
        common = {"token": TOKEN, "encoding_aes_key": KEY, "mode": "secure"}
        cls.server.ok("POST", "/v1/accounts", {"id": "shop", "app_id": APP, "original_id": "gh_shop",
                                               "reply_rules": {"keywords": keywords}, **common})
        mini = [k for k in keywords if k["reply"]["type"] in ("text", "image", "transfer")]
        cls.server.ok("POST", "/v1/accounts", {"id": "mini", "kind": "mini_program", "app_id": "wx00000000000000aa",
                                               "reply_rules": {"keywords": mini}, **common})
        wecom = [k for k in keywords if k["reply"]["type"] in ("text", "image", "voice", "video", "news")]
        cls.server.ok("POST", "/v1/accounts", {"id": "corp", "kind": "wecom", "token_kind": "wecom", "app_id": CORP, "suite_id": SUITE,
                                               "reply_rules": {"keywords": wecom}, **common})

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def post(self, account, crypto, plain):
        now, nonce = str(int(time.time())), str(next(IDS))
        envelope = xmltodict.parse(crypto.encrypt_message(plain, nonce, now))["xml"]
        kind = "" if account == "corp" else "&encrypt_type=aes"
        body = f"<xml><ToUserName>x</ToUserName><AgentID>1</AgentID><Encrypt><![CDATA[{envelope['Encrypt']}]]></Encrypt></xml>"
        return http("POST", f"{self.server.url}/wechat/{account}?timestamp={now}&nonce={nonce}{kind}"
                            f"&msg_signature={envelope['MsgSignature']}", body)

    def answered(self, account, crypto, plain):
        answer = self.post(account, crypto, plain)
        self.assertEqual(answer.status, 200, answer.body)
        if answer.body == b"success":
            return None
        envelope = xmltodict.parse(answer.body)["xml"]
        plain = crypto.decrypt_message(answer.body.decode(), envelope["MsgSignature"], envelope["TimeStamp"], envelope["Nonce"])
        return xmltodict.parse(plain)["xml"]

    def test_wechatpy_reads_every_kind_of_answer(self):
        crypto = WeChatCrypto(TOKEN, KEY, APP)
        wanted = {"文字": ("text", "Content", "9:00-21:00 <&>"), "图片": ("image", "Image", {"MediaId": "m1"}),
                  "语音": ("voice", "Voice", {"MediaId": "m2"}),
                  "视频": ("video", "Video", {"MediaId": "m3", "Title": "春", "Description": "d"}),
                  "音乐": ("music", "Music", {"Title": "歌", "Description": None, "MusicUrl": "https://a.example/1.mp3",
                                            "HQMusicUrl": "https://a.example/1.mp3", "ThumbMediaId": "t"}),
                  "图文": ("news", "ArticleCount", "1"), "人工": ("transfer_customer_service", "TransInfo", {"KfAccount": "li@shop"})}
        for word, (kind, element, value) in wanted.items():
            with self.subTest(word):
                xml = self.answered("shop", crypto, text(word))
                self.assertEqual((xml["MsgType"], xml[element]), (kind, value))
                self.assertEqual((xml["ToUserName"], xml["FromUserName"]), ("oPython", "gh_shop"))
        self.assertIsNone(self.answered("shop", crypto, text("没有这条")))
        self.assertEqual(parse_message(text("x")).type, "text")

    def test_wrong_application_and_signature_are_refused(self):
        self.assertEqual(self.post("shop", WeChatCrypto(TOKEN, KEY, "wx0000000000000000"), text("文字")).status, 403)
        self.assertEqual(self.post("shop", WeChatCrypto("othertoken", KEY, APP), text("文字")).status, 401)
        other_key = self.post("shop", WeChatCrypto(TOKEN, "A" * 43, APP), text("文字"))
        wrong_app = self.post("shop", WeChatCrypto(TOKEN, KEY, "wx0000000000000000"), text("文字"))
        self.assertEqual((other_key.status, other_key.body), (wrong_app.status, wrong_app.body))

    def test_a_mini_program_gets_the_hand_over_and_nothing_else(self):
        crypto = WeChatCrypto(TOKEN, KEY, "wx00000000000000aa")
        self.assertEqual(self.answered("mini", crypto, text("人工"))["MsgType"], "transfer_customer_service")
        self.assertIsNone(self.answered("mini", crypto, text("文字")))  # it goes out as a message, if it may
        answers = self.server.ok("GET", "/v1/accounts/mini/answers")["items"]
        self.assertEqual(answers[0]["decision"], "abandoned")  # not verified: it may not

    def test_wecom_by_wechatpy(self):
        crypto = WecomCrypto(TOKEN, KEY, CORP)
        now, nonce = str(int(time.time())), str(next(IDS))
        envelope = xmltodict.parse(crypto.encrypt_message("5927782489442352469", nonce, now))["xml"]
        from urllib.parse import quote
        echo = http("GET", f"{self.server.url}/wechat/corp?timestamp={now}&nonce={nonce}&msg_signature={envelope['MsgSignature']}"
                           f"&echostr={quote(envelope['Encrypt'], safe='')}")
        self.assertEqual((echo.status, echo.body), (200, b"5927782489442352469"))
        xml = self.answered("corp", crypto, text("文字", "zhang", CORP, "<AgentID>1</AgentID>"))
        self.assertEqual((xml["MsgType"], xml["Content"]), ("text", "9:00-21:00 <&>"))
        suite = self.answered("corp", WecomCrypto(TOKEN, KEY, SUITE), text("图片", "zhang", CORP))
        self.assertEqual(suite["Image"]["MediaId"], "m1")
        self.assertEqual(self.post("corp", WecomCrypto(TOKEN, KEY, "ww0000000000000000"), text("文字")).status, 403)

    def test_wecom_customers_are_people_and_groups_are_notices(self):
        crypto = WecomCrypto(TOKEN, KEY, CORP)
        event = lambda inner: (f"<xml><ToUserName>{CORP}</ToUserName><FromUserName>sys</FromUserName><CreateTime>{int(time.time())}"
                               f"</CreateTime><MsgType>event</MsgType>{inner}</xml>")
        self.assertIsNone(self.answered("corp", crypto, event(
            "<Event>change_external_contact</Event><ChangeType>add_external_contact</ChangeType><UserID>zhang</UserID>"
            "<ExternalUserID>wmPython</ExternalUserID><State>shelf7</State>")))
        self.assertIsNone(self.answered("corp", crypto, event(
            "<Event>change_external_chat</Event><ChatId>wr1</ChatId><ChangeType>dismiss</ChangeType>")))
        self.server.settled_total()
        events = self.server.ok("GET", "/v1/people/external_userid:corp:wmPython/events")["items"]
        self.assertEqual([e["kind"] for e in events], ["wecom.add_external_contact"])
        notice = self.server.ok("GET", "/v1/accounts/corp/notices")["items"][0]
        self.assertEqual((notice["event"], notice["fields"]["ChatId"]), ("change_external_chat", "wr1"))
        recent = self.server.ok("GET", "/v1/accounts/corp/callbacks?limit=200")["items"]
        self.assertIn("notice", [r["kind"] for r in recent])

    def node(self, *arguments):
        if not (SDKS / "node_modules" / "wechat-crypto").exists():
            raise unittest.SkipTest("needs tests/sdks/node_modules (./dev setup test)")
        done = subprocess.run(["node", "--no-deprecation", SDKS / "callbacks.mjs", *arguments], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_npm_clients(self):
        official = self.node("official", f"{self.server.url}/wechat/shop", TOKEN, KEY, APP, "文字")
        self.assertEqual(official, {"status": 200, "signature_is_right": True, "receiver": APP, "content": "9:00-21:00 <&>", "to": "oNode"})
        silent = self.node("official", f"{self.server.url}/wechat/shop", TOKEN, KEY, APP, "没有这条")
        self.assertEqual(silent, {"status": 200, "body": "success"})
        self.assertEqual(self.node("official", f"{self.server.url}/wechat/shop", "othertoken", KEY, APP, "文字")["status"], 401)
        corp = self.node("wecom", f"{self.server.url}/wechat/corp", TOKEN, KEY, CORP, "文字")
        self.assertEqual(corp, {"echo": "94966531020182955848408", "status": 200, "signature_is_right": True, "receiver": CORP,
                                "content": "9:00-21:00 <&>", "to": "oNode"})


if __name__ == "__main__":
    main()
