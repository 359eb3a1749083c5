#!/usr/bin/env python3
"""Random messages, both ways between wechatpy and our library: what one encrypts the other opens, XML is read alike, answers
are the same elements, and what is damaged both refuse. Any difference ends the test with the message that shows it.

Usage: wechatpy_fuzz_test.py PROBE [MESSAGES [SEED]]     (run with the Python of build/venv; exit 77 = skipped)
"""
import json
import random
import subprocess
import sys
import time

try:
    from wechatpy import parse_message
    from wechatpy.crypto import WeChatCrypto
    from wechatpy.exceptions import InvalidAppIdException, InvalidSignatureException
    from wechatpy.replies import (ArticlesReply, ImageReply, MusicReply, TextReply, TransferCustomerServiceReply, VideoReply,
                                  VoiceReply)
    from wechatpy.utils import WeChatSigner
    import xmltodict
except ImportError as missing:
    print(f"skipped: {missing} (./dev setup puts wechatpy into build/venv)")
    sys.exit(77)

NOW = 1767225600
BATCH = 250
KEY_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
ALPHABET = ("abcXYZ019 <>&\"'/=]-_.\t\n!?;:%#@" + "知音微信营销您好退订订阅" + "éßñ" + "😀🎉" + "\u200b\ufeff\u3000\u00a0")
NAMES = ["Content", "MediaId", "PicUrl", "Title", "Description", "Url", "Label", "EventKey", "Ticket", "Recognition", "Thing_1", "x-y.z",
         "名字"]
EVENTS = ["subscribe", "unsubscribe", "SCAN", "CLICK", "VIEW", "LOCATION", "card_pass_check", "unheard_of"]


class Probe:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask_all(self, questions):
        """A batch at a time, smaller than what a pipe holds back on either side."""
        answers = []
        for question in questions:
            self.process.stdin.write(json.dumps(question, ensure_ascii=False).encode() + b"\n")
            self.process.stdin.flush()
            answers.append(json.loads(self.process.stdout.readline()))
        return answers

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(10) == 0


def signature(*parts):
    signer = WeChatSigner()
    signer.add_data(*parts)
    return signer.signature


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self, longest=60):
        r = self.random
        size = r.choice([0, 1, 2, 3, r.randint(0, longest), r.randint(0, longest)])
        if r.random() < 0.01:
            size = r.randint(0, 4000)
        return "".join(r.choice(ALPHABET) for _ in range(size))

    def written(self, text):
        """As XML: in sections, or escaped, or with numbers for characters."""
        how = self.random.randrange(3)
        if how == 0 and "]]>" not in text:
            return f"<![CDATA[{text}]]>"
        if how == 0:
            return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"
        out = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        if how == 2:
            out = "".join(f"&#x{ord(c):x};" if c not in "&;" and ord(c) > 0x7f and self.random.random() < 0.5 else c for c in out)
        return out

    def element(self, name, depth=0):
        r = self.random
        if depth < 4 and r.random() < 0.15:
            inner = "".join(self.element(r.choice(NAMES), depth + 1) for _ in range(r.randint(1, 4)))
            return f"<{name}>{inner}</{name}>"
        comment = "<!-- c -->" if r.random() < 0.02 else ""
        return f"<{name}>{comment}{self.written(self.text())}</{name}>"

    def callback(self):
        r = self.random
        fields = [("ToUserName", "gh_shop"), ("FromUserName", "o" + "".join(r.choice(KEY_CHARACTERS) for _ in range(27))),
                  ("CreateTime", str(NOW - r.randint(0, 500)))]
        if r.random() < 0.5:
            fields += [("MsgType", r.choice(["text", "image", "voice", "link", "hologram"])), ("MsgId", str(r.getrandbits(63)))]
        else:
            fields += [("MsgType", "event"), ("Event", r.choice(EVENTS))]
        names = [n for n in NAMES if r.random() < 0.4]
        parts = [f"<{n}>{self.written(v)}</{n}>" for n, v in fields]
        # Texts that decide something stand once and have no children.
        parts += [f"<{n}>{self.written(self.text())}</{n}>" if n in ("Content", "EventKey", "Ticket") else self.element(n) for n in names]
        parts += [self.element("Item") for _ in range(r.choice([0, 0, 1, 3]))]
        r.shuffle(parts)
        return "<xml>" + "".join(parts) + "</xml>", dict(fields)

    def reply(self):
        """Ours, and wechatpy's class with its arguments."""
        r = self.random
        text = lambda: self.text(40).replace("]]>", "")[:300] + "x"  # wechatpy writes broken XML where a section ends inside
        kind = r.randrange(7)
        if kind == 0:
            words = text()
            return {"type": "text", "text": words}, TextReply, {"content": words}
        if kind == 1:
            return {"type": "image", "media_id": "m1"}, ImageReply, {"media_id": "m1"}
        if kind == 2:
            return {"type": "voice", "media_id": "m2"}, VoiceReply, {"media_id": "m2"}
        title, description = text()[:60], text()[:60]
        if kind == 3:
            return ({"type": "video", "media_id": "m3", "title": title, "description": description}, VideoReply,
                    {"media_id": "m3", "title": title, "description": description})
        if kind == 4:
            music = {"title": title, "description": description, "thumb_media_id": "t"}
            return ({"type": "music", "music_url": "https://a.example/1", "hq_music_url": "https://a.example/2", **music}, MusicReply,
                    {"music_url": "https://a.example/1", "hq_music_url": "https://a.example/2", **music})
        if kind == 5:
            article = {"title": title, "description": description, "url": "https://a.example/?a=1&b=2"}
            return ({"type": "news", "articles": [{**article, "picture_url": "https://p.example"}]}, ArticlesReply,
                    {"articles": [{**article, "image": "https://p.example"}]})
        return {"type": "transfer"}, TransferCustomerServiceReply, {}  # wechatpy cannot name the member of staff


def parsed(xml):
    """As xmltodict reads it, blanks kept, with empty texts instead of nothing."""
    def plain(value):
        if value is None:
            return ""
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        return [plain(v) for v in value] if isinstance(value, list) else value
    return plain(xmltodict.parse(xml, strip_whitespace=False)["xml"])


class Difference(Exception):
    pass


def same(ours, theirs, what, shown):
    if ours != theirs:
        raise Difference(f"{what}\n ours:   {ours!r}\n theirs: {theirs!r}\n of:     {shown!r}")


def damaged(r, query, body, cipher):
    """One of what must be refused, and the refusal that it is."""
    which = r.randrange(4)
    if which < 3:
        name = ["timestamp", "nonce", "msg_signature"][which]
        bad = dict(query)
        bad[name] = bad[name][:-1] + ("0" if bad[name][-1] != "0" else "1")
        return bad, body
    at = r.randrange(len(cipher))
    other = "A" if cipher[at] != "A" else "B"
    return query, body.replace(cipher, cipher[:at] + other + cipher[at + 1:])


def refused_by_wechatpy(crypto, query, body):
    try:
        crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
        return "accepted"
    except InvalidSignatureException:
        return "signature"
    except InvalidAppIdException:
        return "receiver"


def one_batch(generator, probe, n):
    r = generator.random
    token = "".join(r.choice(KEY_CHARACTERS) for _ in range(r.randint(3, 32)))
    key = "".join(r.choice(KEY_CHARACTERS) for _ in range(42)) + r.choice("AEIMQUYcgkosw048")
    app = "wx" + "".join(r.choice("0123456789abcdef") for _ in range(16))
    crypto = WeChatCrypto(token, key, app)
    account = dict(app_id=app, token=token, aes_key=key, mode="secure", now=NOW)
    cases, questions = [], []
    for _ in range(n):
        plain, fields = generator.callback()
        nonce = str(r.getrandbits(31))
        envelope = xmltodict.parse(crypto.encrypt_message(plain, nonce, str(NOW)))["xml"]
        query = {"timestamp": str(NOW), "nonce": nonce, "encrypt_type": "aes", "msg_signature": envelope["MsgSignature"]}
        body = f"<xml><ToUserName>gh_shop</ToUserName><Encrypt><![CDATA[{envelope['Encrypt']}]]></Encrypt></xml>"
        reply, theirs, arguments = generator.reply()
        bad_query, bad_body = damaged(r, query, body, envelope["Encrypt"])
        message = generator.text(200)
        cases.append((plain, fields, reply, theirs, arguments, bad_query, bad_body, message))
        questions.append(dict(op="open", query=query, body=body, reply=reply, **account))
        questions.append(dict(op="open", query=bad_query, body=bad_body, **account))
        questions.append(dict(op="encrypt", aes_key=key, app_id=app, message=message))
        wrong = dict(account, app_id=app[:-1] + ("0" if app[-1] != "0" else "1"))
        questions.append(dict(op="open", query=query, body=body, **wrong))
    answers = probe.ask_all(questions)
    for i, (plain, fields, reply, theirs, arguments, bad_query, bad_body, message) in enumerate(cases):
        opened, refused, encrypted, misdirected = answers[4 * i:4 * i + 4]
        if "error" in opened:
            raise Difference(f"refused as {opened['error']}: {plain!r}")
        same(opened["fields"], parsed(plain), "fields", plain)
        same(opened["from"], fields["FromUserName"], "sender", plain)
        same(opened["create_time"], int(fields["CreateTime"]), "time", plain)
        same(refused.get("error", "accepted"), refused_by_wechatpy(crypto, bad_query, bad_body), "damaged", (bad_query, bad_body))
        same(misdirected.get("error"), "receiver", "wrong app", plain)
        signed = signature(token, str(NOW), "n", encrypted["encrypt"])
        same(message, crypto.decrypt_message(f"<xml><Encrypt>{encrypted['encrypt']}</Encrypt></xml>", signed, str(NOW), "n"), "decrypted",
             message)
        answer = opened["body"]
        sealed = xmltodict.parse(answer)["xml"]
        ours = parsed(crypto.decrypt_message(answer, sealed["MsgSignature"], sealed["TimeStamp"], sealed["Nonce"]))
        rendered = theirs(**arguments)
        rendered.source, rendered.target, rendered.time = "gh_shop", fields["FromUserName"], NOW
        expected = {k: v for k, v in compact(xmltodict.parse(rendered.render(), strip_whitespace=False)["xml"]).items()}
        same(compact(ours), expected, f"answer {reply['type']}", reply)


def compact(value):
    """Without the blanks that wechatpy's templates have between elements."""
    if isinstance(value, dict):
        return {k: compact(v) for k, v in value.items() if k != "#text"}
    return "" if value is None else value


def main():
    probe = Probe(sys.argv[1])
    total = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 20260101
    generator, done, began = Generator(seed), 0, time.monotonic()
    try:
        while done < total:
            n = min(BATCH, total - done)
            one_batch(generator, probe, n)
            done += n
    except Difference as difference:
        print(f"after {done} messages of seed {seed}: a difference in {difference}")
        return 1
    probe.close()
    took = time.monotonic() - began
    print(f"{done:,} random messages both ways, answers, damaged ones and misdirected ones: no difference; {took:.1f} s = {done / took:,.0f}/s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
