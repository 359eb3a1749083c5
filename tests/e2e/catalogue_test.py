"""Items from elsewhere: feeds over HTTP and from files, what an account published; and what is read out of their texts."""
import http.server
import threading
import time
import unittest

import harness

RSS = """<?xml version="1.0" encoding="GBK"?><rss version="2.0"><channel><title>晨读</title><link>/</link>
<item><title>秋天</title><link>/a/1</link><guid>a1</guid><description>银杏黄了</description></item>
<item><title>冬天</title><link>/a/2</link><guid>a2</guid></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>晨读</title>
<entry><id>a2</id><title>冬天改</title><link href="/a/2"/><updated>2026-01-05T00:00:00Z</updated></entry>
<at:deleted-entry xmlns:at="http://purl.org/atompub/tombstones/1.0" ref="a1"/></feed>"""


class Site(http.server.BaseHTTPRequestHandler):
    """Answers /feed with whatever `body` is now, /moved with the way there."""
    body, etag, asked = RSS.encode("gb18030"), '"1"', []

    def do_GET(self):
        Site.asked.append((self.path, self.headers.get("If-None-Match")))
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/feed")
        elif self.path != "/feed":
            self.send_response(404)
        elif self.headers.get("If-None-Match") == Site.etag:
            self.send_response(304)
        else:
            self.send_response(200)
            self.send_header("ETag", Site.etag)
            self.send_header("Content-Type", "application/rss+xml")
            self.send_header("Content-Length", str(len(Site.body)))
            self.end_headers()
            self.wfile.write(Site.body)
            return
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class FeedTest(unittest.TestCase):
    def setUp(self):
        self.site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
        threading.Thread(target=self.site.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.site.server_address[1]}"

    def tearDown(self):
        self.site.shutdown()
        self.site.server_close()

    def test_a_followed_feed_is_asked_with_what_it_said_last(self):
        server = harness.Server("[catalogue]\nread_texts = false\nprivate_feeds = true\n").start()
        try:
            Site.body, Site.etag = RSS.encode("gb18030"), '"1"'
            imported = lambda *more: server.cli("catalogue", "import", "--feed", self.address + "/moved", "--json", *more)
            first = imported("--follow")
            self.assertEqual((first["title"], first["stored"], first["unchanged"]), ("晨读", 2, False))
            item = server.ok("GET", "/v1/items/article/a1")
            self.assertEqual((item["title"], item["text"], item["url"]), ("秋天", "银杏黄了", self.address + "/a/1"))
            self.assertTrue(imported()["unchanged"])
            self.assertEqual(Site.asked[-1], ("/feed", '"1"'))
            Site.body, Site.etag = ATOM.encode(), '"2"'
            second = imported()
            self.assertEqual((second["stored"], second["removed"]), (1, 1))
            self.assertEqual([i["title"] for i in server.ok("GET", "/v1/items")["items"]], ["冬天改"])
            feeds = server.cli("catalogue", "feeds", "--json")["items"]
            self.assertEqual([(f["url"], f["items"], f["error"]) for f in feeds], [(self.address + "/moved", 1, "")])
            server.cli("catalogue", "forget", self.address + "/moved")
            self.assertEqual(server.cli("catalogue", "feeds", "--json")["items"], [])
            wrong = server.cli("catalogue", "import", "--feed", self.address + "/none", check=False)
            self.assertIn("answered 404", wrong.stderr)
        finally:
            server.close()

    def test_followed_feeds_are_asked_again_by_themselves(self):
        Site.body, Site.etag = RSS.encode("gb18030"), '"7"'
        server = harness.Server('[catalogue]\nread_texts = false\nprivate_feeds = true\nfeed_every = "1s"\n').start()
        try:
            server.cli("catalogue", "import", "--feed", self.address + "/feed", "--follow")
            Site.body, Site.etag = ATOM.encode(), '"8"'
            end = time.monotonic() + 60
            while [i["title"] for i in server.ok("GET", "/v1/items")["items"]] != ["冬天改"]:
                self.assertLess(time.monotonic(), end)
                time.sleep(0.1)
        finally:
            server.close()

    def test_private_addresses_are_refused_and_files_are_read(self):
        server = harness.Server().start()
        try:
            before = len(Site.asked)
            refused = server.cli("catalogue", "import", "--feed", self.address + "/feed", check=False)
            self.assertIn("private address", refused.stderr)
            self.assertEqual(len(Site.asked), before)
            file = server.folder / "feed.xml"
            file.write_bytes(RSS.encode("gb18030"))
            done = server.cli("catalogue", "import", "--feed", file, "--kind", "page", "--json")
            self.assertEqual(done["stored"], 2)
            self.assertEqual(server.ok("GET", "/v1/items/page/a1")["url"], "")
            wrong = server.cli("catalogue", "import", "--feed", file, "--kind", "banana", check=False)
            self.assertEqual((wrong.returncode, "kind: 'banana' is not one of article" in wrong.stderr), (2, True), wrong.stderr)
            file.write_text('[{"kind": "article", "id": "a", "title": "A"}]')
            self.assertIn("--mapping items", server.cli("catalogue", "import", "--feed", file, check=False).stderr)
        finally:
            server.close()


class AccountArticlesTest(unittest.TestCase):
    def test_published_articles_become_items(self):
        sandbox, server = harness.connected(people=20)
        try:
            account = server.account["id"]
            cover = server.ok("POST", f"/v1/accounts/{account}/uploads?as=material&type=image&name=c.jpg", b"\xff\xd8\xff\xe0" + b"0" * 500)["media_id"]
            made = server.ok("POST", f"/v1/accounts/{account}/drafts", {"markdown": "# 春天的茶\n\n新茶上市，**明前**龙井。", "cover": cover})
            server.ok("POST", f"/v1/accounts/{account}/wechat/publish_submit", {"media_id": made["media_id"]})
            sandbox.ok("POST", "/sandbox/advance", {"by": "1h"})
            done = server.cli("catalogue", "import", "--account", account, "--json")
            self.assertEqual((done["stored"], done["skipped"]), (1, []))
            item = server.ok("GET", "/v1/items?kind=article&q=%E6%98%A5%E5%A4%A9")["items"][0]
            self.assertIn("明前", item["text"])
            self.assertNotIn("<", item["text"])
            self.assertTrue(item["url"].startswith("http"))
            self.assertEqual(item["account"], account)
            # The library of materials: what was published too is not there twice.
            news = [{"title": "去年的茶", "author": "掌柜", "content": "<p>陈年<b>普洱</b></p>", "url": "http://mp.weixin.qq.com/s/old", "thumb_url": "http://mmbiz.qpic.cn/a"},
                    {"title": "春天的茶", "content": "again", "url": item["url"]}]
            sandbox.ok("POST", "/sandbox/news", {"articles": news})
            self.assertEqual(server.cli("catalogue", "import", "--account", account, "--json")["from_library"], 0)
            done = server.cli("catalogue", "import", "--account", account, "--library", "--json")
            self.assertEqual((done["stored"], done["from_library"], done["skipped"]), (2, 1, []))
            old = server.ok("GET", "/v1/items?kind=article&q=%E5%8E%BB%E5%B9%B4")["items"][0]
            self.assertEqual((old["text"], old["author"], old["account"], old["url"]), ("陈年普洱", "掌柜", account, "http://mp.weixin.qq.com/s/old"))
        finally:
            server.close()
            sandbox.close()


def did(person, kind, item=None):
    event = {"account": "shop", "identities": [{"kind": "user_id", "value": person}], "kind": kind}
    return event | {"item": {"kind": "article", "id": item}} if item else event


class BackgroundTest(unittest.TestCase):
    """What is worked out behind the requests; waits by asking, for at most a minute."""

    def until(self, ask):
        end = time.monotonic() + 60
        while not (found := ask()):
            self.assertLess(time.monotonic(), end, "a minute has passed")
            time.sleep(0.1)
        return found

    def test_texts_are_read_and_copies_count_as_one(self):
        server = harness.Server(harness.STEPPED + "[catalogue]\nread_texts = true\n").start()
        try:
            text = "五花肉切块焯水，冰糖炒出糖色，加黄酒慢炖一个小时，收汁装盘。"
            items = [{"kind": "article", "id": "pork", "title": "红烧肉的做法", "text": text},
                     {"kind": "article", "id": "copy", "title": "红烧肉的做法！", "text": text},
                     {"kind": "article", "id": "ball", "title": "足球比赛直播"}]
            server.ok("POST", "/v1/items", items)
            read = lambda: server.ok("GET", "/v1/items/article/pork").get("reading")
            reading = self.until(lambda: (r := read()) and r["group"] and r)
            self.assertIn("五花肉", reading["keywords"])
            self.assertEqual(reading["group"], "copy")
            latest = [i["item"]["id"] for i in server.ok("GET", "/v1/recommend/latest")["items"]]
            self.assertEqual(sorted(latest)[0], "ball")
            self.assertEqual(len(latest), 2, latest)
            # What was read can be changed and sent back.
            item = server.ok("GET", "/v1/items/article/pork")
            server.ok("POST", "/v1/items", item | {"title": "番茄炒蛋", "text": "鸡蛋打散"})
            self.until(lambda: read()["group"] is None)
        finally:
            server.close()

    def test_what_is_popular_in_a_live_segment(self):
        server = harness.Server(harness.STEPPED + "[catalogue]\nread_texts = true\n").start()
        try:
            server.ok("POST", "/v1/items", [{"kind": "article", "id": f"a{i}", "title": title}
                                            for i, title in enumerate(["火锅", "茶馆", "雪景", "海鲜"])])
            server.ok("PUT", "/v1/segments/new", {"id": "new", "name": "成都新关注", "live": True, "tree": {"event": "follow"}})
            events = [did(f"n{i}", "follow") for i in range(6)] + [did(f"n{i}", "read", "a1") for i in range(5)]
            events += [did(f"o{i}", "read", item) for i in range(20) for item in ("a0", "a2")]
            server.ok("POST", "/v1/events", events)
            server.ok("POST", "/v1/clock", {"to": "2026-01-05T02:00:00+08:00"})
            self.assertEqual(server.run_ended(server.ok("POST", "/v1/train/recommend", {"model": "itemknn", "factors": 0, "promote": "always"})["run"])["state"], "done")
            asked = lambda: server.ok("GET", "/v1/recommend/user_id:shop:n5?n=3")["items"]
            first = self.until(lambda: (items := asked()) and items[0]["source"] == "segment" and items[0])
            self.assertEqual((first["item"]["id"], first["reason"]), ("a1", "「成都新关注」的人最近都在看"))
            other = server.ok("GET", "/v1/recommend/user_id:shop:nobody?n=3")["items"]
            self.assertNotIn("segment", [i["source"] for i in other])
        finally:
            server.close()


if __name__ == "__main__":
    unittest.main()
