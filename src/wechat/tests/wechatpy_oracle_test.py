#!/usr/bin/env python3
"""wechatpy, a client that nobody here wrote, beside our library: callbacks that it makes are opened by us, answers that
we render are read by it, requests that we build are compared with the ones it builds.

Usage: wechatpy_oracle_test.py PROBE     (run with the Python of build/venv; exit 77 = skipped)
"""
import json
import random
import socket
import subprocess
import sys
import unittest
from urllib.parse import parse_qsl, urlsplit

try:
    from wechatpy import WeChatClient, create_reply, parse_message
    from wechatpy.client.api import WeChatJSAPI
    from wechatpy.crypto import WeChatCrypto
    from wechatpy.exceptions import InvalidAppIdException, InvalidSignatureException
    from wechatpy.utils import WeChatSigner, check_signature
    import xmltodict
except ImportError as missing:
    print(f"skipped: {missing} (./dev setup puts wechatpy into build/venv)")
    sys.exit(77)


def refuse_names(host, *rest, **more):
    raise OSError(f"this test must not reach {host}")


socket.getaddrinfo = refuse_names

TOKEN = "pamtest"
KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
APP = "wxb11529c136998cb6"
NOW = 1767225600
SEED = 20260101


class Probe:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, **question):
        self.process.stdin.write(json.dumps(question, ensure_ascii=False).encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(10) == 0


def signature(*parts):
    signer = WeChatSigner()
    signer.add_data(*parts)
    return signer.signature


def encrypted_callback(plain, app=APP, key=KEY, token=TOKEN, nonce="415670741", at=NOW):
    """The POST as the platform would send it, made by wechatpy."""
    envelope = xmltodict.parse(WeChatCrypto(token, key, app).encrypt_message(plain, nonce, str(at)))["xml"]
    query = {"signature": signature(token, str(at), nonce), "timestamp": str(at), "nonce": nonce, "encrypt_type": "aes",
             "msg_signature": envelope["MsgSignature"], "openid": "oAlice"}
    body = f"<xml><ToUserName><![CDATA[gh_shop]]></ToUserName><Encrypt><![CDATA[{envelope['Encrypt']}]]></Encrypt></xml>"
    return query, body


def callback_xml(inner):
    return ("<xml><ToUserName><![CDATA[gh_shop]]></ToUserName><FromUserName><![CDATA[oAlice]]></FromUserName>"
            f"<CreateTime>{NOW}</CreateTime>{inner}</xml>")


CALLBACKS = {
    "text": "<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[你好 <b>&]]></Content><MsgId>6972028683187026694</MsgId>",
    "image": "<MsgType><![CDATA[image]]></MsgType><PicUrl><![CDATA[http://p]]></PicUrl><MediaId><![CDATA[m]]></MediaId><MsgId>2</MsgId>",
    "voice": "<MsgType><![CDATA[voice]]></MsgType><MediaId><![CDATA[m]]></MediaId><Format><![CDATA[amr]]></Format><MsgId>3</MsgId>",
    "location": "<MsgType><![CDATA[location]]></MsgType><Location_X>23.1</Location_X><Location_Y>113.3</Location_Y><Scale>20</Scale>"
                "<Label><![CDATA[广州]]></Label><MsgId>4</MsgId>",
    "link": "<MsgType><![CDATA[link]]></MsgType><Title><![CDATA[t]]></Title><Description><![CDATA[d]]></Description>"
            "<Url><![CDATA[http://u?a=1&b=2]]></Url><MsgId>5</MsgId>",
    "subscribe": "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[subscribe]]></Event>",
    "subscribe_scan": "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[subscribe]]></Event><EventKey><![CDATA[qrscene_123]]></EventKey>"
                      "<Ticket><![CDATA[TICKET]]></Ticket>",
    "scan": "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[SCAN]]></Event><EventKey><![CDATA[123]]></EventKey><Ticket><![CDATA[T]]></Ticket>",
    "unsubscribe": "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[unsubscribe]]></Event>",
    "click": "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[CLICK]]></Event><EventKey><![CDATA[MENU_1]]></EventKey>",
    "view": "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[VIEW]]></Event><EventKey><![CDATA[http://www.qq.com]]></EventKey>",
    "templatesendjobfinish": "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[TEMPLATESENDJOBFINISH]]></Event><MsgID>200163836</MsgID>"
                             "<Status><![CDATA[failed:user block]]></Status>",
    "masssendjobfinish": "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[MASSSENDJOBFINISH]]></Event><MsgID>1988</MsgID>"
                         "<Status><![CDATA[sendsuccess]]></Status><TotalCount>100</TotalCount><FilterCount>80</FilterCount>"
                         "<SentCount>75</SentCount><ErrorCount>5</ErrorCount>",
}


class Oracle(unittest.TestCase):
    def open(self, query, body, mode="secure", now=NOW, **more):
        return probe.ask(op="open", app_id=APP, token=TOKEN, aes_key=KEY, mode=mode, query=query, body=body, now=now, **more)

    def test_random_texts_both_ways(self):
        generator = random.Random(SEED)
        alphabet = "aZ09 <>&]\n知音微信营销😀é"
        for length in [*range(0, 70), 200, 1000, 5000]:
            plain = "".join(generator.choice(alphabet) for _ in range(length))
            query, body = encrypted_callback(plain)
            theirs = xmltodict.parse(body)["xml"]["Encrypt"]
            self.assertEqual(probe.ask(op="decrypt", aes_key=KEY, app_id=APP, encrypt=theirs), {"message": plain})
            ours = probe.ask(op="encrypt", aes_key=KEY, app_id=APP, message=plain)["encrypt"]
            signed = signature(TOKEN, str(NOW), "n", ours)
            envelope = f"<xml><Encrypt><![CDATA[{ours}]]></Encrypt></xml>"
            self.assertEqual(WeChatCrypto(TOKEN, KEY, APP).decrypt_message(envelope, signed, str(NOW), "n"), plain)

    def test_every_kind_is_read_as_wechatpy_reads_it(self):
        for name, inner in CALLBACKS.items():
            with self.subTest(name):
                plain = callback_xml(inner)
                query, body = encrypted_callback(plain)
                theirs = parse_message(plain)
                ours = self.open(query, body)
                self.assertNotIn("error", ours)
                self.assertEqual(ours["from"], theirs.source)
                self.assertEqual(ours["to"], theirs.target)
                self.assertEqual(ours["create_time"], int(theirs.create_time.timestamp()))
                self.assertEqual(ours["msg_id"] or "0", str(theirs._data.get("MsgID") or theirs.id))
                self.assertEqual(ours["msg_type"].lower(), theirs.type)
                if theirs.type == "event":
                    self.assertEqual(name, theirs.event)
                    key = getattr(theirs, "scene_id", None) or getattr(theirs, "key", None) or getattr(theirs, "url", None) or ""
                    self.assertEqual(ours["event_key"], key)
                    self.assertEqual(ours["status"], getattr(theirs, "status", ""))
                # parse_message changes its fields (a MsgId for events, scenes without prefix): compare with its XML parser.
                self.assertEqual(ours["fields"], xmltodict.parse(plain)["xml"])

    def test_plain_mode_reads_the_same(self):
        for name, inner in CALLBACKS.items():
            query = {"signature": signature(TOKEN, str(NOW), "n"), "timestamp": str(NOW), "nonce": "n"}
            ours = self.open(query, callback_xml(inner), mode="plain")
            self.assertNotIn("error", ours, name)
            sealed = self.open(*encrypted_callback(callback_xml(inner)))
            self.assertEqual(ours["dedup_key"], sealed["dedup_key"])

    def answered(self, reply):
        """The plain XML of our answer to a text, decrypted by wechatpy."""
        answer = self.open(*encrypted_callback(callback_xml(CALLBACKS["text"])), reply=reply)["body"]
        envelope = xmltodict.parse(answer)["xml"]
        plain = WeChatCrypto(TOKEN, KEY, APP).decrypt_message(answer, envelope["MsgSignature"], envelope["TimeStamp"],
                                                              envelope["Nonce"])
        return xmltodict.parse(plain)["xml"]

    def test_answers_are_those_that_wechatpy_renders(self):
        message = parse_message(callback_xml(CALLBACKS["text"]))
        article = {"title": "标题", "description": "d", "url": "https://a.example/?x=1&y=2"}
        for reply, content in [({"type": "text", "text": "欢迎 <&>"}, "欢迎 <&>"),
                               ({"type": "news", "articles": [{**article, "picture_url": "https://p.example"}]},
                                [{**article, "image": "https://p.example"}])]:
            ours = self.answered(reply)
            theirs = xmltodict.parse(create_reply(content, message=message).render())["xml"]
            self.assertEqual(ours["CreateTime"], str(NOW))
            theirs["CreateTime"] = ours["CreateTime"]
            self.assertEqual(ours, theirs)

    def test_end_of_section_inside_an_answer(self):  # wechatpy itself renders broken XML here
        self.assertEqual(self.answered({"type": "text", "text": "a ]]> b ]]]>"})["Content"], "a ]]> b ]]]>")

    def test_bare_acknowledgement(self):
        query, body = encrypted_callback(callback_xml(CALLBACKS["click"]))
        self.assertEqual(self.open(query, body, reply={"type": "none"})["body"], "success")

    def test_both_refuse_a_wrong_signature_and_another_app(self):
        query, body = encrypted_callback(callback_xml(CALLBACKS["text"]))
        for name in ["timestamp", "nonce", "msg_signature"]:
            bad = dict(query)
            bad[name] = bad[name][:-1] + ("0" if bad[name][-1] != "0" else "1")
            self.assertEqual(self.open(bad, body), {"error": "signature"}, name)
            with self.assertRaises(InvalidSignatureException):
                WeChatCrypto(TOKEN, KEY, APP).decrypt_message(body, bad["msg_signature"], bad["timestamp"], bad["nonce"])
        query, body = encrypted_callback(callback_xml(CALLBACKS["text"]), app="wx0000000000000000")
        self.assertEqual(self.open(query, body), {"error": "receiver"})
        with self.assertRaises(InvalidAppIdException):
            WeChatCrypto(TOKEN, KEY, APP).decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])

    def test_url_check(self):
        good = signature(TOKEN, str(NOW), "n")
        check_signature(TOKEN, good, str(NOW), "n")
        ask = lambda s: probe.ask(op="check", app_id=APP, token=TOKEN, aes_key=KEY, mode="secure", now=NOW,
                                  query={"signature": s, "timestamp": str(NOW), "nonce": "n", "echostr": "4375120948345356249"})
        self.assertEqual(ask(good), {"echo": "4375120948345356249"})
        self.assertEqual(ask("0" * 40), {"error": "signature"})

    def test_js_signature(self):
        theirs = WeChatJSAPI(None).get_jsapi_signature("Wm3WZYTPz0wzccnW", "TICKET", 1414587457, "http://mp.weixin.qq.com?params=value")
        self.assertEqual(probe.ask(op="js", ticket="TICKET", nonce="Wm3WZYTPz0wzccnW", timestamp="1414587457",
                                   url="http://mp.weixin.qq.com?params=value")["signature"], theirs)

    def test_requests_are_those_that_wechatpy_sends(self):
        sent = []

        class Answer:
            content = b'{"errcode":0,"user_info_list":[],"template_list":[]}'

            def raise_for_status(self):
                pass

        def capture(method, url, params=None, data=None, **_):
            query = {k: v for k, v in (params or {}).items() if k != "access_token" and v}
            sent.append((method.upper(), urlsplit(url).path, query, json.loads(data) if data else None))
            return Answer()

        client = WeChatClient(APP, "secret", access_token="AT")
        client._http.request = capture
        openids = ["oAlice1234567890123456789012", "oBob"]
        pairs = [
            (lambda: client.message.send_text("oAlice", "你好"), dict(call="text", openid="oAlice", text="你好")),
            (lambda: client.message.send_text("oAlice", "你好", account="kf@gh"), dict(call="text", openid="oAlice", text="你好", kf_account="kf@gh")),
            (lambda: client.message.send_articles("oAlice", [{"title": "t", "description": "d", "url": "https://a", "image": "https://p"}]),
             dict(call="news", openid="oAlice", title="t", description="d", url="https://a", picture_url="https://p")),
            (lambda: client.message.send_template("oAlice", "TPL", {"thing1": {"value": "订单"}}, url="https://a"),
             dict(call="template", openid="oAlice", template_id="TPL", url="https://a", client_msg_id="c1", data={"thing1": "订单"})),
            (lambda: client.message.send_mass_text(openids, "春", client_msg_id="c2"), dict(call="mass", openids=openids, text="春", client_msg_id="c2")),
            (lambda: client.message.send_mass_text(openids[0], "春", preview=True), dict(call="preview", openid=openids[0], text="春")),
            (lambda: client.message.get_mass("1988"), dict(call="mass_get", msg_id="1988")),
            (lambda: client.user.get_followers("oAlice"), dict(call="users", openid="oAlice")),
            (lambda: client.user.get_batch([{"openid": o, "lang": "zh_CN"} for o in openids]), dict(call="batch", openids=openids)),
            (lambda: client.template.get_all_private_template(), dict(call="templates")),
        ]
        # What only one side sends, by choice: our id of a template message; wechatpy's flag of articles, on texts too.
        ours_only, theirs_only = {"client_msg_id"}, {"send_ignore_reprint"}
        for theirs, question in pairs:
            with self.subTest(question["call"]):
                theirs()
                method, path, query, body = sent.pop()
                ours = probe.ask(op="request", **question)
                self.assertNotIn("error", ours)
                self.assertEqual((ours["method"], ours["path"]), (method, path))
                self.assertEqual(dict(parse_qsl(ours["query"])), query)
                our_body = json.loads(ours["body"]) if ours["body"] else None
                if body:
                    body = {k: v for k, v in body.items() if k not in theirs_only}
                    our_body = {k: v for k, v in our_body.items() if k not in ours_only}
                self.assertEqual(our_body, body)


if __name__ == "__main__":
    probe = Probe(sys.argv.pop(1))
    outcome = unittest.main(exit=False, verbosity=1)
    probe.close()
    sys.exit(0 if outcome.result.wasSuccessful() else 1)
