"""Answers that take longer than a callback: an HTTP service that answers at once, late, badly; what the person gets and what is
recorded. WeChat's five seconds are real here, and pass once."""
import hashlib
import hmac
import http.server
import json
import threading
import time
import unittest

from callback_test import TOKEN, signed, text_message
from harness import Server, http as request, main


class Service(http.server.ThreadingHTTPServer):
    """Answers `<text>!`; a text that begins with 慢 waits until `release`, one with 坏 fails."""
    daemon_threads = True

    def __init__(self):
        self.asked, self.bad_signatures, self.release = [], 0, threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}/answer"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        wanted = "sha256=" + hmac.new(TOKEN.encode(), body, hashlib.sha256).hexdigest()
        self.server.bad_signatures += self.headers["X-Zhiyin-Signature"] != wanted
        question = json.loads(body)
        self.server.asked.append(question)
        if question["text"].startswith("慢"):
            self.server.release.wait(60)
        status = 500 if question["text"].startswith("坏") else 200
        answer = json.dumps({"text": question["text"] + "!"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        try:
            self.end_headers()
            self.wfile.write(answer)
        except ConnectionError:
            pass  # who asked has ended

    def log_message(self, *_):
        pass


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service()
        cls.server = Server('log_level = "error"\n').start()
        rules = {"keywords": [{"words": ["营业时间"], "reply": {"type": "text", "text": "9:00-21:00"}}],
                 "service": {"url": cls.service.url, "timeout_s": 60}}
        for account, app, verified in [("shop", "wx0123456789abcdef", False), ("verified", "wx0123456789abcdee", True)]:
            cls.server.ok("POST", "/v1/accounts", {"id": account, "app_id": app, "original_id": "gh_test", "token": TOKEN, "mode": "plain",
                                                   "verified": verified, "reply_rules": rules})

    @classmethod
    def tearDownClass(cls):
        cls.service.release.set()
        cls.server.close()
        cls.service.shutdown()
        cls.service.server_close()

    def post(self, body, account="shop", timeout=30):
        return request("POST", f"{self.server.url}/wechat/{account}?{signed(str(int(time.time())))}", body, timeout=timeout)

    def last(self, account="shop"):
        return self.server.ok("GET", f"/v1/accounts/{account}/answers")["items"][0]

    def test_a_quick_service_answers_in_the_callback_and_only_what_no_rule_answers(self):
        body = text_message(1, "有货吗")
        self.assertIn("有货吗!", self.post(body).body.decode())
        self.assertEqual(self.last()["decision"], "passive")
        self.assertIn("有货吗!", self.post(body).body.decode())  # a repeated delivery
        self.assertIn("9:00-21:00", self.post(text_message(2, "营业时间")).body.decode())
        self.assertEqual([q["text"] for q in self.service.asked].count("有货吗"), 1)
        self.assertNotIn("营业时间", [q["text"] for q in self.service.asked])
        self.assertEqual(self.service.bad_signatures, 0)

    def test_a_failing_service_is_said_so(self):
        self.assertIn("暂时没有找到答案", self.post(text_message(3, "坏")).body.decode())
        self.assertEqual(self.last()["reason"], "service_failed")

    def test_a_slow_one_is_answered_in_the_second_delivery_or_by_a_message(self):
        slow, pushed = text_message(4, "慢慢来", "oSlow"), text_message(5, "慢慢推", "oPushed")
        first = {}
        ask = lambda name, body, account: first.__setitem__(name, self.post(body, account))
        threads = [threading.Thread(target=ask, args=a) for a in [("slow", slow, "shop"), ("pushed", pushed, "verified")]]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertGreater(time.monotonic() - began, 4)
        self.assertEqual(first["slow"].status, 503)  # WeChat has gone; it comes again
        self.assertEqual(first["pushed"].body, b"success")
        self.service.release.set()
        self.assertIn("慢慢来!", self.post(slow).body.decode())
        self.assertEqual((self.last()["decision"], self.last()["callbacks"]), ("passive", 2))
        self.assertEqual([q["text"] for q in self.service.asked].count("慢慢来"), 1)
        # The account has no AppSecret, so the push fails for certain and the answer is kept for whoever asks.
        deadline = time.monotonic() + 20
        while not self.last("verified")["reason"] and time.monotonic() < deadline:
            pass
        self.assertEqual(self.last("verified")["decision"], "abandoned")
        self.assertIn("慢慢推!", self.post(text_message(6, "继续", "oPushed"), "verified").body.decode())
        self.assertEqual(self.last("verified")["decision"], "fetched")

    def test_z_an_answer_that_a_restart_came_in_between_still_arrives(self):
        self.service.release.clear()
        body = text_message(20, "慢重启", "oRestart")
        self.assertEqual(self.post(body, "verified").body, b"success")  # after 4.5 s: it is to be pushed
        self.server.restart()
        self.service.release.set()
        deadline = time.monotonic() + 30
        while not self.last("verified")["reason"] and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual([q["text"] for q in self.service.asked].count("慢重启"), 2)
        self.assertEqual(self.last("verified")["decision"], "abandoned")  # no AppSecret: not pushed, but kept
        asked = text_message(21, "继续", "oRestart")
        self.assertIn("慢重启!", self.post(asked, "verified").body.decode())
        self.assertIn("慢重启!", self.post(asked, "verified").body.decode())  # the same callback again
        self.assertEqual(self.post(body, "verified").body, b"success")

    def test_bad_settings_are_named(self):
        for service, field in [({"url": "ftp://x"}, "reply_rules.service.url"), ({"url": "http://x", "timeout_s": 0}, "reply_rules.service.timeout_s")]:
            answer = self.server.send("POST", "/v1/accounts", {"id": "bad", "app_id": "wx1", "reply_rules": {"service": service}})
            self.assertEqual(answer.status, 400)
            self.assertIn(field, answer.body.decode())


if __name__ == "__main__":
    main()
