#!/usr/bin/env python3
"""The emulated platform against wechatpy, which nobody here wrote: as a client of its interface, and as the server
that reads its callbacks and answers them. Argument: the program sandbox_probe. 77: skipped."""
import json
import socket
import subprocess
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

try:
    from wechatpy import WeChatClient, create_reply, parse_message
    from wechatpy.crypto import WeChatCrypto
    from wechatpy.exceptions import WeChatClientException
    from wechatpy.utils import check_signature
except ImportError as e:
    print(f"skipped: {e} (./dev setup makes build/venv)")
    sys.exit(77)

_getaddrinfo = socket.getaddrinfo


def loopback_only(host, *args, **kwargs):
    assert host in ("127.0.0.1", "localhost"), f"a call to {host}"
    return _getaddrinfo(host, *args, **kwargs)


socket.getaddrinfo = loopback_only


class Trial(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one packet
    account = {}
    seen = []
    problems = []

    def log_message(self, *args):
        pass

    def answer(self, text, kind="text/plain"):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def query(self):
        return {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}

    def do_GET(self):
        q = self.query()
        check_signature(self.account["token"], q["signature"], q["timestamp"], q["nonce"])
        self.answer(q["echostr"])

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        path = urlsplit(self.path).path
        if path == "/v1/clock":
            return self.answer("{}", "application/json")
        if path == "/v1/events":
            return self.answer(json.dumps({"accepted": len(json.loads(body))}), "application/json")
        try:
            self.answer(self.reply_to(body))
        except Exception as e:  # what wechatpy refuses is what this test is about
            self.problems.append(repr(e))
            self.answer("refused")

    def reply_to(self, body):
        q = self.query()
        check_signature(self.account["token"], q["signature"], q["timestamp"], q["nonce"])
        crypto = WeChatCrypto(self.account["token"], self.account["encoding_aes_key"], self.account["app_id"])
        if self.account["mode"] != "plain":
            body = crypto.decrypt_message(body, q["msg_signature"], q["timestamp"], q["nonce"])
        message = parse_message(body)
        assert message.target == self.account["original_id"], message.target
        assert message.source == q["openid"], (message.source, q["openid"])
        self.seen.append(message)
        if message.type != "text":
            return "success"
        reply = create_reply(f"收到：{message.content}", message).render()
        if self.account["mode"] == "plain":
            return reply
        return crypto.encrypt_message(reply, q["nonce"], q["timestamp"])


def call(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=60) as r:
        return json.loads(r.read())


def refused_with(code, work):
    try:
        work()
    except WeChatClientException as e:
        assert e.errcode == code, e
        return
    raise AssertionError(f"no error {code}")


def as_server(base, mode):
    Trial.seen, Trial.problems = [], []
    Trial.account = call(base + "/sandbox/account")
    assert Trial.account["mode"] == mode
    server = ThreadingHTTPServer(("127.0.0.1", 0), Trial)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    connected = call(base + "/sandbox/connect", {"url": url})
    assert connected["verified"], connected
    report = call(base + "/sandbox/advance", {"by": "10d"})["callback_counts"]
    assert not Trial.problems, Trial.problems[:3]
    assert report["bad_answers"] == 0 and report["unanswered"] == 0, report
    assert report["messages"] > 30 and report["replied"] > 5, report
    kinds = {m.type if m.type != "event" else m.event for m in Trial.seen}
    assert {"text", "click"} <= kinds, kinds
    assert kinds & {"subscribe", "subscribe_scan"}, kinds
    print(f"as server, {mode}: {len(Trial.seen)} callbacks read, {report['replied']} replies accepted, kinds {sorted(kinds)}")


def as_client(base):
    account = Trial.account
    token = call(f"{base}/cgi-bin/token?grant_type=client_credential&appid={account['app_id']}"
                 f"&secret={account['app_secret']}")["access_token"]
    WeChatClient.API_BASE_URL = base + "/cgi-bin/"
    client = WeChatClient(account["app_id"], account["app_secret"], access_token=token)
    openids = list(client.user.iter_followers())
    assert len(openids) > 80, len(openids)
    assert client.user.get(openids[0])["subscribe"] == 1
    assert [u["openid"] for u in client.user.get_batch(openids[:3])] == openids[:3]
    tag = client.tag.create("常客")["id"]
    client.tag.tag_user(tag, openids[:4])
    assert client.tag.get_tag_users(tag)["count"] == 4
    assert client.tag.get_user_tag(openids[0]) == [tag]
    refused_with(45015, lambda: client.message.send_text(openids[-1], "您好"))
    call(base + "/sandbox/act", {"openid": openids[-1], "kind": "message", "text": "在吗"})
    for _ in range(5):
        client.message.send_text(openids[-1], "您好")
    refused_with(45047, lambda: client.message.send_text(openids[-1], "您好"))
    sent = client.message.send_mass_text(openids[:50], "上新", client_msg_id="wechatpy-1")
    assert client.message.get_mass(sent["msg_id"])["msg_status"] == "SENDING"
    refused_with(45066, lambda: client.message.send_mass_text(openids[:50], "上新", client_msg_id="wechatpy-1"))
    refused_with(40130, lambda: client.message.send_mass_text(openids[:1], "上新"))
    template = client.template.get_all_private_template()["template_list"][0]["template_id"]
    data = {"character_string1": {"value": "A1"}, "thing2": {"value": "咖啡"}, "time3": {"value": "2026-03-01"}}
    assert client.message.send_template(openids[0], template, data)["msgid"] > 0
    more_of_the_client(client, openids)
    before = len(Trial.seen)
    call(base + "/sandbox/advance", {"by": "6h"})
    jobs = [m for m in Trial.seen[before:] if getattr(m, "event", "").endswith("jobfinish")]
    assert {m.event for m in jobs} == {"masssendjobfinish", "templatesendjobfinish"}, jobs
    print(f"as client: {len(openids)} followers, tags, windows, mass and template messages, files, menus, codes")


def more_of_the_client(client, openids):
    """Files, menus, codes, the blacklist: whatever of it has no address of its own."""
    picture = b"\xff\xd8\xff\xe0" + b"x" * 60
    uploaded = client.media.upload("image", ("a.jpg", picture, "image/jpeg"))
    assert client.media.download(uploaded["media_id"]).content == picture
    kept = client.material.add("image", ("a.jpg", picture, "image/jpeg"))["media_id"]
    assert client.material.get_count()["image_count"] == 1
    assert client.material.batchget("image")["item"][0]["media_id"] == kept
    client.material.delete(kept)
    refused_with(40007, lambda: client.material.delete(kept))
    button = {"type": "click", "name": "优惠", "key": "COUPON"}
    client.menu.create({"button": [button]})
    assert client.menu.get()["menu"]["button"][0]["key"] == "COUPON"
    client.menu.delete()
    refused_with(40017, lambda: client.menu.create({"button": [{"type": "dance", "name": "x"}]}))
    code = client.qrcode.create({"expire_seconds": 600, "action_name": "QR_STR_SCENE",
                                 "action_info": {"scene": {"scene_str": "store_1"}}})
    assert code["expire_seconds"] == 600 and code["ticket"]
    assert len(client.jsapi.get_ticket()["ticket"]) > 40
    assert client.misc.get_wechat_ips()


def main():
    for mode in ("secure", "compatible", "plain"):
        probe = subprocess.Popen([sys.argv[1], mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            base = f"http://127.0.0.1:{int(probe.stdout.readline())}"
            as_server(base, mode)
            if mode == "secure":
                as_client(base)
        finally:
            probe.stdin.close()
            probe.wait(timeout=20)


main()
