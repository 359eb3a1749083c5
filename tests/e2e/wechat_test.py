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
        sent = self.server.ok("POST", "/v1/accounts/shop/send", {"openid": "oWriter", "message": text})
        self.assertEqual(sent["state"], "sent")
        self.assertEqual(json.loads(self.platform.last("/cgi-bin/message/custom/send"))["touser"], "oWriter")
        self.wechat("send", "shop", "oWriter", "--text", "再见")
        after = self.server.ok("GET", path)
        self.assertEqual((after["left"], len(after["sent"])), (3, 2))
        quota = self.server.ok("GET", "/v1/quota?account=shop")["items"][0]
        self.assertEqual({q["channel"]: q["used"] for q in quota["channels"]}["customer_service"], 2)
        nobody = self.server.ok("POST", "/v1/accounts/shop/send", {"openid": "oNobody", "message": text})
        self.assertEqual((nobody["state"], nobody["rule"]), ("refused", "not_following"))

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
