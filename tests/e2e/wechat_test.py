"""WeChat on behalf of people and programs: methods by name, menus, drafts, codes, single sends, windows, quotas."""
import hashlib
import http.server
import itertools
import json
import pathlib
import tempfile
import threading
import time
import unittest

from harness import Server, http as ask, main

TOKEN = "tokenfortests"
NONCES = itertools.count()


class Platform:
    """Answers as the reference's examples do and keeps what it was asked."""

    def __init__(self):
        self.asked = []
        self.refusals = {}  # errcode by path
        platform = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.split("?")[0]
                platform.asked.append((path, body))
                answers = {"/cgi-bin/stable_token": {"access_token": "AT", "expires_in": 7200},
                           "/cgi-bin/tags/get": {"tags": [{"id": 2, "name": "星标组", "count": 7}]},
                           "/cgi-bin/draft/add": {"media_id": "DRAFT"},
                           "/cgi-bin/media/upload": {"type": "image", "media_id": "MEDIA", "created_at": 1},
                           "/cgi-bin/qrcode/create": {"ticket": "T==", "url": "http://weixin.qq.com/q/x"}}
                refusal = platform.refusals.get(path)
                if refusal:
                    answers[path] = {"errcode": refusal, "errmsg": "refused"}
                text = json.dumps(answers.get(path, {"errcode": 0, "errmsg": "ok"})).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def last(self, path):
        return [body for asked, body in self.asked if asked == path][-1]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Wechat(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.platform = Platform()
        cls.server = Server('log_level = "error"\n').start()
        cls.server.ok("POST", "/v1/accounts", {
            "id": "shop", "app_id": "wx0123456789abcdef", "app_secret": "thesecretoftests", "verified": True,
            "original_id": "gh_test", "token": TOKEN, "mode": "plain", "base_url": cls.platform.url})
        cls.folder = tempfile.TemporaryDirectory()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.platform.close()
        cls.folder.cleanup()

    def callback(self, sender, inner):
        timestamp, nonce = str(int(time.time())), f"n{next(NONCES)}"
        signature = hashlib.sha1("".join(sorted([TOKEN, timestamp, nonce])).encode()).hexdigest()
        body = (f"<xml><ToUserName>gh_test</ToUserName><FromUserName>{sender}</FromUserName>"
                f"<CreateTime>{timestamp}</CreateTime>{inner}</xml>")
        url = f"{self.server.url}/wechat/shop?signature={signature}&timestamp={timestamp}&nonce={nonce}"
        self.assertEqual(ask("POST", url, body).status, 200)

    def wechat(self, *arguments, check=True):
        return self.server.cli("wechat", *arguments, "--json", check=check)

    def write(self, name, text):
        path = pathlib.Path(self.folder.name) / name
        path.write_text(text)
        return str(path)

    def test_a_method_by_name(self):
        tags = self.server.ok("POST", "/v1/accounts/shop/wechat/tags_get", {})
        self.assertEqual(tags["tags"][0]["name"], "星标组")
        bad = self.server.send("POST", "/v1/accounts/shop/wechat/tags_create", {"tag": {"name": "x" * 31}})
        self.assertEqual((bad.status, bad.json["field"]), (400, "tag.name"))
        self.assertEqual(self.server.send("POST", "/v1/accounts/shop/wechat/mass_sendall", {}).status, 501)
        self.assertEqual(self.server.send("POST", "/v1/accounts/shop/wechat/nothing", {}).status, 404)
        names = [m["method"] for m in self.server.ok("GET", "/v1/wechat/methods")["items"]]
        self.assertIn("menu_create", names)

    def test_menu_draft_code_and_upload_from_the_command_line(self):
        menu = {"button": [{"type": "click", "name": "今日", "key": "TODAY"}]}
        self.wechat("menu", "shop", self.write("menu.json", json.dumps(menu)))
        self.assertEqual(json.loads(self.platform.last("/cgi-bin/menu/create")), menu)
        self.wechat("draft", "shop", self.write("a.md", "# 春季上新\n\n**好** <b>\n"), "--cover", "COVER")
        article = json.loads(self.platform.last("/cgi-bin/draft/add"))["articles"][0]
        self.assertEqual(article["title"], "春季上新")
        self.assertEqual(article["content"], "<p><strong>好</strong> &lt;b&gt;</p>")
        self.wechat("qr", "shop", "window", "--for", "7d")
        code = json.loads(self.platform.last("/cgi-bin/qrcode/create"))
        self.assertEqual(code["expire_seconds"], 7 * 86400)
        self.assertEqual(code["action_info"]["scene"]["scene_str"], "window")
        self.wechat("upload", "shop", self.write("a.png", "PNG"))
        self.assertIn(b'filename="a.png"', self.platform.last("/cgi-bin/media/upload"))

    def test_a_message_opens_a_window_which_sends_use_up(self):
        self.callback("oWriter", "<MsgType>event</MsgType><Event>subscribe</Event>")
        self.callback("oWriter", "<MsgType>text</MsgType><Content>在吗</Content><MsgId>1</MsgId>")
        self.server.settled_total()
        path = "/v1/accounts/shop/conversations/oWriter"
        self.assertEqual(self.server.ok("GET", path)["left"], 5)
        text = {"msgtype": "text", "text": {"content": "您好"}}

        def used():
            quota = self.server.ok("GET", "/v1/quota?account=shop")["items"][0]
            return {q["channel"]: q["used"] for q in quota["channels"]}["customer_service"]

        before = used()
        sent = self.server.ok("POST", "/v1/accounts/shop/send", {"openid": "oWriter", "message": text})
        self.assertEqual(sent["state"], "sent")
        self.assertEqual(json.loads(self.platform.last("/cgi-bin/message/custom/send"))["touser"], "oWriter")
        self.wechat("send", "shop", "oWriter", "--text", "再见")
        after = self.server.ok("GET", path)
        self.assertEqual((after["left"], len(after["sent"])), (3, 2))
        self.assertEqual(used() - before, 2)
        nobody = self.server.ok("POST", "/v1/accounts/shop/send", {"openid": "oNobody", "message": text})
        self.assertEqual((nobody["state"], nobody["rule"]), ("refused", "not_following"))

    def test_a_banned_account_sends_nothing_until_it_is_released(self):
        path = "/cgi-bin/message/custom/send"
        self.callback("oFan", "<MsgType>event</MsgType><Event>subscribe</Event>")
        self.callback("oFan", "<MsgType>text</MsgType><Content>在吗</Content><MsgId>11</MsgId>")
        self.server.settled_total()
        text = {"openid": "oFan", "message": {"msgtype": "text", "text": {"content": "您好"}}}

        def send():
            answer = self.server.ok("POST", "/v1/accounts/shop/send", text)
            return answer["state"], answer["rule"]

        def asked():
            return sum(one == path for one, _ in self.platform.asked)

        self.platform.refusals[path] = 48004
        try:
            self.assertEqual(send(), ("failed", "none"))
        finally:
            self.platform.refusals.clear()
        calls = asked()
        self.assertEqual(send(), ("refused", "account_held"))
        self.assertEqual(asked(), calls)
        self.assertEqual(self.server.ok("GET", "/v1/quota?account=shop")["items"][0]["held"]["errcode"], 48004)
        notice = self.server.ok("GET", "/v1/accounts/shop/notices")["items"][0]
        self.assertEqual((notice["event"], notice["fields"]["errcode"]), ("send_hold", 48004))
        doctor = {c["name"]: c["ok"] for c in self.server.ok("GET", "/v1/doctor/wechat?account=shop")["checks"]}
        self.assertIs(doctor["sends"], False)
        self.assertEqual(self.server.cli("account", "release", "shop", "--json"), {"released": True, "paused": []})
        self.assertEqual(send(), ("sent", "none"))
        self.assertEqual(self.server.ok("POST", "/v1/accounts/shop/release"), {"released": False, "paused": []})
        self.platform.refusals[path] = 48004
        try:
            self.assertEqual(send()[0], "failed")
        finally:
            self.platform.refusals.clear()
        checks = {c["name"]: c["ok"] for c in self.server.ok("POST", "/v1/accounts/shop/check")["checks"]}
        self.assertIs(checks["sends"], True, "the platform answers again")
        self.assertEqual(send(), ("sent", "none"))
        releases = [n["fields"]["released_by"] for n in self.server.ok("GET", "/v1/accounts/shop/notices")["items"]
                    if n["event"] == "send_hold"]
        self.assertEqual(releases, ["check", "cli"])

    def test_who_closes_their_account_with_the_platform_is_erased(self):
        self.callback("oGone", "<MsgType>event</MsgType><Event>subscribe</Event>")
        self.server.settled_total()
        person = self.server.ok("GET", "/v1/people/openid:shop:oGone")["id"]
        self.callback("oSystem", "<MsgType>event</MsgType><Event>user_authorization_cancellation</Event>"
                      "<OpenID>oGone</OpenID><AppID>wx0123456789abcdef</AppID><RevokeInfo>205</RevokeInfo>")
        deadline = time.monotonic() + 30
        while self.server.send("GET", "/v1/people/openid:shop:oGone").status != 404:
            self.assertLess(time.monotonic(), deadline, "nobody was erased")
            self.server.settled_total()
        request = self.server.ok("GET", "/v1/erasures")["items"][0]
        self.assertEqual((request["what"], request["certificate"]["person"]), ("person", person))

    def test_methods_that_share_a_budget_are_shown_once(self):
        for method in ("tags_batchtagging", "tags_batchuntagging"):
            self.server.ok("POST", f"/v1/accounts/shop/wechat/{method}", {"openid_list": ["oA"], "tagid": 2})
        methods = {m["name"]: m for m in self.server.ok("GET", "/v1/quota?account=shop")["items"][0]["methods"]}
        self.assertEqual(methods["tag_members"]["used"], 2)
        self.assertEqual(methods["tag_members"]["methods"], ["tags_batchtagging", "tags_batchuntagging"])
        self.server.ok("POST", "/v1/accounts", {"id": "mini", "kind": "mini_program", "app_id": "wx1123456789abcdef",
                                                "app_secret": "thesecretoftests", "base_url": self.platform.url})
        mini = self.server.ok("GET", "/v1/quota?account=mini")["items"][0]
        self.assertEqual({c["channel"] for c in mini["channels"]}, {"customer_service", "subscribe"})

    def test_a_subscribe_message_needs_a_permission(self):
        notice = {"openid": "oBuyer", "message": {"template_id": "TPL", "data": {"thing1": {"value": "订单"}}}}
        self.callback("oBuyer", "<MsgType>event</MsgType><Event>subscribe</Event>")
        self.server.settled_total()
        self.assertEqual(self.server.ok("POST", "/v1/accounts/shop/send", notice)["rule"], "no_grant")
        self.callback("oBuyer", "<MsgType>event</MsgType><Event>subscribe_msg_popup_event</Event><SubscribeMsgPopupEvent>"
                      "<List><TemplateId>TPL</TemplateId><SubscribeStatusString>accept</SubscribeStatusString></List>"
                      "</SubscribeMsgPopupEvent>")
        self.server.settled_total()
        self.assertEqual(self.server.ok("POST", "/v1/accounts/shop/send", notice)["state"], "sent")
        self.assertEqual(self.server.ok("POST", "/v1/accounts/shop/send", notice)["rule"], "no_grant")

    def test_the_last_callback_is_known_after_a_restart(self):
        self.callback("oAny", "<MsgType>event</MsgType><Event>subscribe</Event>")
        self.server.restart()
        self.assertTrue(self.server.ok("POST", "/v1/accounts/shop/check")["callback_seen_at"])


if __name__ == "__main__":
    main()
