"""What is not called by name has a way of its own: files, what members of a company send, pages that sign in, permission for the
JS-SDK, an advertiser's authorisation, drafts and codes; all against the sandbox."""
import hashlib
import json
import unittest
from urllib.parse import parse_qs, quote, urlsplit

from harness import connected, http, main

JPEG = b"\xff\xd8\xff\xe0" + b"x" * 64


class OwnWays(unittest.TestCase):
    def setUp(self):
        self.sandbox, self.server = connected(people=80)
        self.addCleanup(self.server.close)
        self.addCleanup(self.sandbox.close)
        self.accounts = {a["id"]: a for a in self.sandbox.ok("GET", "/sandbox/accounts")}
        for name in ("mini", "corp", "ads"):
            self.server.ok("POST", "/v1/accounts", self.accounts[name])

    def play(self, account, kind, **more):
        return self.sandbox.ok("POST", "/sandbox/play", {"account": account, "kind": kind, **more})

    def refusal(self, method, path, body=None):
        answer = self.server.send(method, path, body)
        self.assertGreaterEqual(answer.status, 400, answer.body)
        return answer.json

    def openid(self):
        return self.server.ok("POST", "/v1/accounts/shop/wechat/user_get", {})["data"]["openid"][0]

    def test_members_of_a_company_send_with_files(self):
        picture = self.server.ok("POST", "/v1/accounts/corp/uploads?as=media&type=image&name=a.jpg", JPEG)
        self.assertTrue(picture["media_id"], picture)
        self.assertEqual(self.refusal("POST", "/v1/accounts/corp/uploads?as=media&type=image", JPEG)["field"], "name")
        self.assertIn("type: is not one of", self.refusal("POST", "/v1/accounts/corp/uploads?as=media&type=thumb&name=a.jpg", JPEG)["detail"])
        self.assertEqual(self.refusal("POST", "/v1/accounts/corp/uploads?as=attic&name=a.jpg", JPEG)["field"], "as")
        attached = {"text": {"content": "欢迎"}, "attachments": [{"msgtype": "image", "image": {"media_id": picture["media_id"]}}]}
        code = self.play("corp", "meet", userid="lili", external_userid="wmNew", name="新客")["welcome_code"]
        self.server.ok("POST", "/v1/accounts/corp/wecom/welcome", {"welcome_code": code, **attached})
        used = self.refusal("POST", "/v1/accounts/corp/wecom/welcome", {"welcome_code": code, **attached})
        self.assertIn("41051", used["detail"])
        task = self.server.ok("POST", "/v1/accounts/corp/wecom/task", {"external_userid": ["wmNew"], **attached})
        self.assertTrue(task["msgid"], task)
        shown = self.server.ok("POST", "/v1/accounts/corp/uploads?as=attachment&type=image&name=b.jpg", JPEG)
        moment = {"text": {"content": "新品"}, "attachments": [{"msgtype": "image", "image": {"media_id": shown["media_id"]}}]}
        self.assertTrue(self.server.ok("POST", "/v1/accounts/corp/wecom/moment", moment)["jobid"])
        self.assertEqual(self.refusal("POST", "/v1/accounts/corp/wecom/gift", {})["status"], 404)
        wrong = self.refusal("POST", "/v1/accounts/corp/wecom/task", {"external_userid": ["wmNew"], "attachments": [{"msgtype": "image"}]})
        self.assertEqual(wrong["field"], "attachments[0].image")
        # The same from the command line.
        file = self.server.folder / "b.jpg"
        file.write_bytes(JPEG)
        kept = self.server.cli("wechat", "upload", "corp", file, "--json")
        note = self.server.folder / "note.json"
        note.write_text(json.dumps({"touser": "lili", "msgtype": "image", "agentid": 1000002, "image": {"media_id": kept["media_id"]}}))
        self.assertTrue(self.server.cli("wechat", "wecom", "corp", "message", note, "--json")["msgid"])

    def test_pages_sign_in(self):
        openid = self.openid()
        page = self.server.ok("GET", "/v1/accounts/shop/login-page?redirect_uri=https%3A%2F%2Fshop.example%2F&scope=profile&state=s1")
        self.assertEqual(parse_qs(urlsplit(page["url"]).query)["scope"], ["snsapi_userinfo"])
        agreed = http("GET", page["url"].split("#")[0])
        self.assertEqual(agreed.status, 302)
        self.assertTrue(agreed.headers["Location"].startswith("https://shop.example/?code="), agreed.headers["Location"])
        self.assertEqual(self.refusal("GET", "/v1/accounts/shop/login-page?redirect_uri=shop")["field"], "redirect_uri")
        code = self.play("shop", "sign_in", openid=openid, scope="snsapi_userinfo")["code"]
        who = self.server.ok("POST", "/v1/accounts/shop/login", {"code": code})
        self.assertEqual((who["openid"], who["snapshot"]), (openid, False))
        self.assertIn("nickname", who)
        self.assertNotIn("access_token", who)
        self.assertIn("40163", self.refusal("POST", "/v1/accounts/shop/login", {"code": code})["detail"])
        silent = self.server.ok("POST", "/v1/accounts/shop/login", {"code": self.play("shop", "sign_in", openid=openid)["code"]})
        self.assertNotIn("nickname", silent)
        opened = self.server.ok("POST", "/v1/accounts/mini/login", {"code": self.play("mini", "open_mini", openid="oMini1")["code"]})
        self.assertEqual(opened["openid"], "oMini1")
        self.assertNotIn("session_key", opened)
        phone = self.server.ok("POST", "/v1/accounts/mini/phone", {"code": self.play("mini", "give_phone", openid="oMini1")["code"]})
        self.assertRegex(phone["phone"], r"^1\d{10}$")
        self.assertNotIn(phone["phone"], (self.server.folder / "server.log").read_text(), "it is logged nowhere")
        self.assertEqual(self.refusal("POST", "/v1/accounts/shop/phone", {"code": "x"})["field"], "account")

    def test_a_page_gets_permission_for_the_js_sdk(self):
        url = "https://shop.example/spring?a=b"
        config = self.server.ok("GET", f"/v1/accounts/shop/js-config?url={quote(url + '#top', safe='')}")
        tokens = self.sandbox.ok("POST", "/cgi-bin/stable_token", {
            "grant_type": "client_credential", "appid": self.server.account["app_id"], "secret": self.server.account["app_secret"]})
        ticket = self.sandbox.ok("GET", f"/cgi-bin/ticket/getticket?type=jsapi&access_token={tokens['access_token']}")["ticket"]
        signed = f"jsapi_ticket={ticket}&noncestr={config['nonceStr']}&timestamp={config['timestamp']}&url={url}"
        self.assertEqual(config["signature"], hashlib.sha1(signed.encode()).hexdigest())
        self.assertEqual(config["appId"], self.server.account["app_id"])
        self.assertNotIn(ticket, json.dumps(config))

    def test_an_advertiser_grants_access(self):
        self.server.ok("DELETE", "/v1/accounts/ads")  # one account, one client_id
        new = {**self.accounts["ads"], "id": "newads", "refresh_token": "notYetGranted"}
        self.server.ok("POST", "/v1/accounts", new)
        self.assertIn("refresh_token", json.dumps(self.refusal("POST", "/v1/accounts/newads/wechat/ads_accounts", {}), ensure_ascii=False))
        back = "https://shop.example/back"
        page = self.server.cli("account", "authorise", "newads", "--redirect-uri", back, "--state", "s1", "--json")
        asked = urlsplit(page["url"])
        self.assertEqual(asked.path, "/oauth/authorize")
        granted = http("GET", page["url"])  # the sandbox's own page, since the account's calls go there
        self.assertEqual(granted.status, 302)
        came_back = parse_qs(urlsplit(granted.headers["Location"]).query)
        self.assertEqual(came_back["state"], ["s1"])
        code = {"code": came_back["authorization_code"][0], "redirect_uri": back}
        done = self.server.ok("POST", "/v1/accounts/newads/authorisation", code)
        self.assertEqual((done["authorised"], done["account"]), (True, "newads"))
        self.assertGreater(done["ends_at"], "2026-01-20")
        self.assertNotIn("token", json.dumps(done))
        self.assertIn("沙箱", str(self.server.ok("POST", "/v1/accounts/newads/wechat/ads_accounts", {})))
        again = self.refusal("POST", "/v1/accounts/newads/authorisation", code)
        self.assertIn("authorization_code", again["detail"])
        self.assertEqual(self.refusal("GET", f"/v1/accounts/shop/authorisation?redirect_uri={quote(back, safe='')}")["field"], "account")
        # An advertiser's picture and audience.
        number = self.server.ok("POST", "/v1/accounts/newads/wechat/ads_accounts", {})["list"][0]["account_id"]
        picture = self.server.ok("POST", f"/v1/accounts/newads/uploads?as=ad_picture&name=a.jpg&advertiser={number}", JPEG)
        self.assertTrue(picture["image_id"], picture)
        audience = self.server.ok("POST", "/v1/accounts/newads/wechat/ads_audience_add", {"account_id": number, "name": "老客"})["audience_id"]
        people = self.server.folder / "people.txt"
        people.write_text("oA\noB\n")
        filed = self.server.cli("wechat", "upload", "newads", people, "--as", "audience", "--advertiser", number,
                                "--audience", audience, "--ids", "WECHAT_OPENID", "--json")
        self.assertTrue(filed["custom_audience_file_id"], filed)

    def test_drafts_and_codes_over_http(self):
        cover = self.server.ok("POST", "/v1/accounts/shop/uploads?as=material&type=image&name=cover.jpg", JPEG)["media_id"]
        draft = self.server.ok("POST", "/v1/accounts/shop/drafts", {"markdown": "# 春天\n\n你好", "cover": cover})
        self.assertEqual(draft["title"], "春天")
        self.assertTrue(draft["media_id"])
        code = self.server.ok("POST", "/v1/accounts/shop/codes", {"channel": "shop-window", "for": "7d"})
        self.assertEqual(code["channel"], "shop-window")
        self.assertTrue(code["ticket"])
        self.assertEqual(self.refusal("POST", "/v1/accounts/shop/codes", {"channel": ""})["field"], "channel")
        self.assertEqual(http("GET", code["picture"]).headers["Content-Type"], "image/png")

    def test_pictures_of_a_draft_go_to_the_platform(self):
        (self.server.folder / "pictures").mkdir()
        for name in ("cover.jpg", "pictures/a.jpg", "big.png"):
            (self.server.folder / name).write_bytes(JPEG if name != "big.png" else b"x" * (1 << 20))
        article = self.server.folder / "spring.md"
        article.write_text("# 春天\n\n![一](pictures/a.jpg)\n\n![又](pictures/a.jpg)\n")
        made = self.server.cli("wechat", "draft", "shop", article, "--cover", self.server.folder / "cover.jpg", "--json")
        self.assertEqual(made["pictures"], 1)
        kept = self.server.ok("POST", "/v1/accounts/shop/wechat/draft_get", {"media_id": made["media_id"]})["news_item"][0]
        self.assertEqual(kept["content"].count('<img src="http://mmbiz.qpic.cn/'), 2, kept["content"])
        self.assertEqual(kept["thumb_media_id"], made["cover"])
        refused = {"![x](../cover.jpg)": "folder", "![x](https://cdn.example/x.png)": "another host", "![x](big.png)": "1048575",
                   "![x](none.jpg)": "none.jpg", "没有标题": "title"}
        for text, words in refused.items():
            article.write_text(text if text == "没有标题" else f"# 春天\n\n{text}")
            done = self.server.cli("wechat", "draft", "shop", article, "--cover", made["cover"], check=False)
            self.assertNotEqual(done.returncode, 0, text)
            self.assertIn(words, done.stdout + done.stderr)
        over_http = self.refusal("POST", "/v1/accounts/shop/drafts", {"markdown": "# 春天\n\n![x](a.jpg)", "cover": made["cover"]})
        self.assertEqual(over_http["field"], "markdown")

    def test_reports_end_yesterday(self):
        today = "2026-01-05"  # where the stepped clock begins, in Shanghai
        late = self.refusal("POST", "/v1/accounts/shop/wechat/datacube_usersummary", {"begin_date": today, "end_date": today})
        self.assertEqual(late["field"], "end_date")
        self.assertNotIn("61501", late["detail"], "it is not sent at all")


if __name__ == "__main__":
    main()
