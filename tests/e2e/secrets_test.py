"""Secrets stay where they are: the program works, fails and crashes with secrets that the test knows, and then none of them
stands in its log, in an answer, in a file of its data folder, in a backup or in an image of its memory."""
import base64
import http.server
import json
import os
import resource
import signal
import threading
import time
import unittest
from urllib.parse import quote

from callback_test import signed, text_message
from harness import Server, http as request, main

SECRETS = {
    "app secret": "5ecr3tApp5ecr3tApp5ecr3tApp5ecr3",
    "token": "tokenThatNobodySees",
    "aes key": "k3yThatNobodySeesk3yThatNobodySeesk3yThatN0",
    "refresh token": "r3freshThatNobodySees",
    "access token": "4CCESSthatNobodySees_4CCESSthatNobodySees_1",
    "later access token": "4CCESSthatNobodySees_4CCESSthatNobodySees_2",
    "ads access token": "adsACCESSthatNobodySees",
    "later refresh token": "r3freshThatNobodySees2",
    "ticket": "t1cketThatNobodySees",
    "user token": "us3rT0kenThatNobodySees",
    "session key": "s3ssionThatNobodySees==",
    "phone number": "13812345670",
}
AES_BYTES = base64.b64decode(SECRETS["aes key"] + "=")


class Platform(http.server.ThreadingHTTPServer):
    """Gives tokens; everything else works, fails, or breaks off as `mood` says."""
    daemon_threads = True

    def __init__(self):
        self.mood, self.tokens = "good", 0
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def reply(self):
        asked = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
        mood = self.server.mood
        if mood == "hang_up":
            self.close_connection = True
            return self.connection.shutdown(2)
        if self.path.startswith("/sns/oauth2/access_token") and mood == "good":
            answer = {"access_token": SECRETS["user token"], "refresh_token": SECRETS["user token"], "expires_in": 7200, "openid": "oSomebody"}
        elif "token" in self.path.split("?")[0]:
            self.server.tokens += 1
            name = "access token" if self.server.tokens % 2 else "later access token"
            answer = {"access_token": SECRETS[name], "expires_in": 7200, "errcode": 0,
                      "data": {"access_token": SECRETS["ads access token"], "refresh_token": SECRETS["later refresh token"],
                               "access_token_expires_in": 7200, "refresh_token_expires_in": 86400}, "code": 0}
            if mood == "bad_secret":
                answer = {"errcode": 40125, "errmsg": "invalid appsecret rid: 1"}
            elif mood == "echo_all":
                answer = {"errcode": 40164, "errmsg": f"invalid ip: {self.path} {asked}", "code": 11000, "message": f"{self.path} {asked}"}
        elif mood in ("echo", "echo_all"):
            answer = {"errcode": 45015, "errmsg": f"{self.path} {asked}", "code": 11000, "message": f"bad: {self.path} {asked}"}
        elif mood == "old_token":
            answer = {"errcode": 40001, "errmsg": "invalid credential, access_token is invalid or not latest rid: 2"}
        elif mood == "garbage":
            answer = None
        elif mood == "refused":
            answer = {"errcode": 45015, "errmsg": "response out of time limit rid: 3"}
        else:
            answer = {"errcode": 0, "errmsg": "ok", "total": 0, "count": 0, "data": {"openid": []}, "next_openid": "", "code": 0}
            if "getticket" in self.path:
                answer.update(ticket=SECRETS["ticket"], expires_in=7200)
            elif "jscode2session" in self.path:
                answer.update(openid="oSomebody", session_key=SECRETS["session key"])
            elif "rid/get" in self.path:  # a request as it came, and its answer
                answer.update(request={"request_url": f"access_token={SECRETS['later access token']}&lang=zh_CN",
                                       "request_body": json.dumps({"secret": SECRETS["app secret"]}),
                                       "response_body": json.dumps({"session_key": SECRETS["session key"], "ticket": SECRETS["ticket"]})})
            elif "getuserphonenumber" in self.path:
                answer.update(phone_info={"phoneNumber": SECRETS["phone number"], "purePhoneNumber": SECRETS["phone number"], "countryCode": "86"})
        body = b"<<<nonsense" if answer is None else json.dumps(answer).encode()
        self.send_response(500 if mood == "broken" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = reply

    def log_message(self, *_):
        pass


class Secrets(unittest.TestCase):
    def setUp(self):
        self.platform = Platform()
        self.server = Server(f'log_level = "debug"\n[wechat]\nbase_url = "{self.platform.url}"\n').start()
        self.answers = []

    def tearDown(self):
        self.server.close()
        self.platform.shutdown()
        self.platform.server_close()

    def ask(self, method, path, body=None, headers=None):
        answer = self.server.send(method, path, body, headers=headers)
        self.answers.append((f"{method} {path}", answer.body + str(answer.headers).encode()))
        return answer

    def accounts(self):
        common = {"token": SECRETS["token"], "encoding_aes_key": SECRETS["aes key"], "app_secret": SECRETS["app secret"]}
        for account in [{"id": "shop", "verified": True, "app_id": "wx0123456789abcdef", **common},
                        {"id": "mini", "kind": "mini_program", "verified": True, "app_id": "wx0123456789abcded", **common},
                        {"id": "corp", "kind": "wecom", "token_kind": "wecom", "app_id": "ww0123456789abcdef", **common},
                        {"id": "ads", "kind": "advertiser", "token_kind": "ads", "app_id": "1111", "mode": "plain",
                         "app_secret": SECRETS["app secret"], "refresh_token": SECRETS["refresh token"]}]:
            self.assertEqual(self.ask("POST", "/v1/accounts", account).status, 201)
        # What is refused is told without what was in it.
        for bad in [{"token": "x!" + SECRETS["token"]}, {"encoding_aes_key": SECRETS["aes key"] + "x"},
                    {"app_secret": SECRETS["app secret"] + " "}]:
            self.assertEqual(self.ask("POST", "/v1/accounts", {"id": "bad", "app_id": "wx1", **common, **bad}).status, 400)

    def calls(self):
        for account in ("shop", "corp", "ads"):
            self.ask("POST", f"/v1/accounts/{account}/check")
        self.ask("POST", "/v1/accounts/shop/sync")
        self.ask("POST", "/v1/accounts/shop/send", {"openid": "oSecret", "message": {"msgtype": "text", "text": {"content": "x"}}})
        for method in ("tags_get", "menu_get", "nothing_of_that_name", "ticket_get", "code_to_session", "oauth_token", "phone_number"):
            self.ask("POST", f"/v1/accounts/shop/wechat/{method}", {})
        self.ask("POST", "/v1/accounts/shop/wechat/rid_get", {"rid": "61725984-6126f6f9-040f19c4"})
        for account in ("shop", "mini"):
            self.ask("POST", f"/v1/accounts/{account}/login", {"code": "c"})
            self.ask("POST", f"/v1/accounts/{account}/phone", {"code": "c"})
        self.ask("GET", "/v1/accounts/shop/js-config?url=https%3A%2F%2Fshop.example%2F")
        for method in ("ads_accounts", "ads_funds"):
            self.ask("POST", f"/v1/accounts/ads/wechat/{method}", {"account_id": 1})
        for command in (["account", "list"], ["wechat", "quota"], ["wechat", "call", "shop", "tags_get"], ["doctor"]):
            done = self.server.cli(*command, "--json", check=False)
            self.answers.append((" ".join(command), (done.stdout + done.stderr).encode()))

    def callbacks(self):
        now = str(int(time.time()))
        good = signed(now, SECRETS["token"])
        for query, body in [(good, text_message(1, "hi")), (signed(now, "other"), text_message(1, "hi")), (good, "<xml><a>"),
                            (good + "&encrypt_type=aes&msg_signature=x", "<xml><Encrypt>x</Encrypt></xml>"), (good + "&echostr=1", None)]:
            for account in ("shop", "corp"):
                answer = request("POST" if body else "GET", f"{self.server.url}/wechat/{account}?{query}", body)
                self.answers.append((f"callback {query[:40]}", answer.body))

    def reads(self):
        for path in ("/v1/accounts", "/v1/accounts/shop", "/v1/accounts/shop/callbacks", "/v1/accounts/shop/notices",
                     "/v1/accounts/shop/answers", "/v1/quota", "/v1/audit", "/v1/runs", "/metrics", "/openapi.json", "/v1/overview",
                     "/v1/quarantine", "/healthz", "/readyz"):
            self.ask("GET", path)

    def nobody_there(self):
        """Hosts that cannot be reached: nothing listens, no such name, not even an address."""
        for account in ("shop", "ads"):
            for url in ("http://127.0.0.1:9", "http://nobody.invalid", "http://[::1"):
                stored = self.server.ok("GET", f"/v1/accounts/{account}")
                changed = {k: stored[k] for k in ("id", "kind", "token_kind", "app_id", "mode", "verified") if k in stored}
                self.ask("PUT", f"/v1/accounts/{account}", {**changed, "base_url": url}, {"If-Match": str(stored["version"])})
                for request_of in ("wechat/tags_get", "wechat/ads_funds", "check"):
                    self.ask("POST", f"/v1/accounts/{account}/{request_of}", {})

    def crash(self):
        """Out in the middle, with an image of the memory where the system makes one."""
        child = self.server.process.child
        resource.prlimit(child.pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        child.send_signal(signal.SIGABRT)
        ended = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        self.assertEqual((ended.si_status, ended.si_code), (signal.SIGABRT, os.CLD_KILLED), "an image of the memory was written")

    def forms(self):
        """Each secret as it is, in base64, hex, and in an address; with enough of it to be sure."""
        for name, secret in SECRETS.items():
            raw = secret.encode()
            yield name, raw
            yield f"{name} in hex", raw.hex().encode()
            yield f"{name} in base64", base64.b64encode(raw)[:24]
            if quote(secret, safe="") != secret:
                yield f"{name} in an address", quote(secret, safe="").encode()
        yield "bytes of the aes key", AES_BYTES
        yield "bytes of the aes key in hex", AES_BYTES.hex().encode()

    def check(self, where, content):
        for name, form in self.forms():
            if where.endswith("/phone") and name.startswith("phone number"):
                continue  # that is the answer to the question
            self.assertNotIn(form, content, f"{name} stands in {where}")

    def test_no_secret_is_seen(self):
        self.accounts()
        for mood in ("good", "echo", "old_token", "refused", "garbage", "broken", "hang_up", "bad_secret", "echo_all"):
            self.platform.mood = mood
            self.calls()
        self.nobody_there()
        self.callbacks()
        self.reads()
        self.assertGreater(self.platform.tokens, 3)
        # The backup is read like the data.
        done = self.server.cli("backup", "--to", self.server.folder / "copy", check=False)
        self.answers.append(("backup", (done.stdout + done.stderr).encode()))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.server.process.stop()
        self.server.restart()
        self.server.ok("GET", "/v1/accounts/shop")
        self.crash()
        for where, content in self.answers:
            self.check(where, content)
        files = [f for f in self.server.folder.rglob("*") if f.is_file()]
        self.assertGreater(len(files), 4)
        self.assertTrue(any("copy" in str(f) for f in files))
        for file in files:
            self.check(str(file.relative_to(self.server.folder)), file.read_bytes())

    def test_the_search_finds_what_it_looks_for(self):
        for name, form in self.forms():
            with self.assertRaises(AssertionError):
                self.check("a test", b"..." + form + b"...")


if __name__ == "__main__":
    main()
