"""The page snippet in a real browser, on a page of the owner's: what the reader does arrives as events."""
import http.server
import pathlib
import subprocess
import tempfile
import threading
import unittest

from harness import Server, main

PAGE = """<!doctype html><meta charset="utf-8"><title>page</title>
<script src="{url}/zhiyin.js" data-key="{key}" data-account="shop" data-item="article:a1"></script>
<button id="b" data-zy-click="buy" data-zy-item="product:p1">buy</button>
<script>
addEventListener('load', function () {{
  zhiyin.identify({{openid: 'oBrowser'}});
  document.getElementById('b').click();
  zhiyin.share();
  zhiyin.track('purchase', {{item: 'product:p1', value: 9900}});
}});
</script>"""


def serve(body):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    return web


class Snippet(unittest.TestCase):
    def test_what_a_reader_does_arrives_as_events(self):
        if not pathlib.Path("/usr/bin/chromium").exists():
            raise unittest.SkipTest("needs Chromium (./dev setup test)")
        server = Server().start()
        self.addCleanup(server.close)
        key = server.ok("POST", "/v1/keys", {"name": "pages", "role": "page", "accounts": ["shop"]})["key"]
        web = serve(PAGE.format(url=server.url, key=key))
        self.addCleanup(web.server_close)
        self.addCleanup(web.shutdown)
        profile = tempfile.mkdtemp(prefix="zhiyin-page-")
        subprocess.run(["/usr/bin/chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                        "--disable-background-networking", "--disable-component-update", "--disable-sync", f"--user-data-dir={profile}",
                        "--virtual-time-budget=5000",
                        # Headless browsers are bots; this one plays a reader.
                        "--user-agent=Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 Chrome/126.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.47", "--dump-dom", f"http://127.0.0.1:{web.server_port}/?zy_c=spring"],
                       capture_output=True, timeout=120)
        self.assertEqual(server.ok("GET", "/v1/quarantine")["items"], [])
        server.settled_total()
        events = server.ok("GET", "/v1/people/openid:shop:oBrowser/events")["items"]
        kinds = [event["kind"] for event in events]
        for kind in ("click", "share", "purchase"):
            self.assertIn(kind, kinds)
        purchase = next(event for event in events if event["kind"] == "purchase")
        self.assertEqual((purchase["value"], purchase["item"]["id"], purchase["properties"]["campaign"]), (9900, "p1", "spring"))

    def test_a_page_may_not_claim_what_only_the_owner_may(self):
        server = Server().start()
        self.addCleanup(server.close)
        for kind in ("touch.sent", "consent.grant", "trait.set", "follow"):
            answer = server.send("POST", f"/v1/collect?key={server.key}", [{"account": "a", "identities": [{"kind": "openid", "value": "o"}], "kind": kind}])
            self.assertEqual(answer.status, 403, kind)
        self.assertEqual(server.send("POST", "/v1/collect?key=wrong", [], key="none").status, 401)
        page = server.ok("POST", "/v1/keys", {"name": "pages", "role": "page"})["key"]
        self.assertEqual(server.send("POST", "/v1/events", [], key=page).status, 403)
        self.assertEqual(server.send("GET", "/v1/recommend/openid:a:o", key=page).status, 403)
        self.assertEqual(server.send("POST", "/v1/session", {"key": page}).status, 403)


if __name__ == "__main__":
    main()
