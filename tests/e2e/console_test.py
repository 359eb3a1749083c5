"""The console in headless Chromium over a real server with a little history: every page, in Chinese and English."""
import pathlib
import shutil
import subprocess
import unittest

from harness import ROOT, cli, connected, http, main

REVIEWS = {"好评": ["很好吃", "味道很好", "非常满意", "很喜欢"], "差评": ["太难吃", "味道很差", "非常失望", "不喜欢"]}


def install_reviews(server):
    """Two versions of a classifier, the second one running beside the first."""
    data, model = server.folder / "reviews.tsv", server.folder / "reviews.zym"
    for seed in (1, 2):
        data.write_text("".join(f"{label}\t{text}{tail}\n" for label, texts in REVIEWS.items() for text in texts for tail in "。！啊呀"[seed - 1:]))
        cli("train", "text", "--task", "classify", "--features", "ngram", "--train", data, "--output", model, "--json")
        server.cli("model", "install", model, "--name", "reviews", "--json", *(["--inactive"] if seed == 2 else []))
    server.ok("POST", "/v1/models/reviews-2/shadow", {})
    server.ok("POST", "/v1/analyze", {"texts": REVIEWS["好评"], "tasks": ["reviews"]})


class Console(unittest.TestCase):
    def test_every_page_renders_without_errors(self):
        if not pathlib.Path("/usr/bin/chromium").exists() or not shutil.which("node"):
            raise unittest.SkipTest("needs Chromium and Node (./dev setup test)")
        if not (ROOT / "console/node_modules/playwright-core").exists():
            raise unittest.SkipTest("needs the console's packages (./dev test installs them)")
        sandbox, server = connected(people=150)
        self.addCleanup(sandbox.close)
        self.addCleanup(server.close)
        account = server.account["id"]
        server.run_ended(server.ok("POST", f"/v1/accounts/{account}/sync")["run"])
        library = http("GET", sandbox.url + "/sandbox/library.csv").body
        server.run_ended(server.ok("POST", f"/v1/imports?name=library.csv&mapping=sandbox-library&account={account}", library)["run"])
        server.ok("POST", "/v1/events", [{"account": account, "identities": [{"kind": "openid", "value": "o1"}], "kind": "Not A Kind"}])
        sandbox.ok("POST", "/sandbox/advance", {"by": "12d"})
        server.run_ended(server.ok("POST", "/v1/train/recommend", {})["run"])
        install_reviews(server)
        server.ok("PUT", "/v1/segments/readers", {"name": "读者", "tree": {"and": [
            {"event": "read", "count": {">=": 2}, "window": "30d"}, {"not": {"event": "purchase", "window": "7d"}}]}})
        server.ok("PUT", "/v1/campaigns/spring", {
            "name": "春季上新", "account": account, "segment": "readers", "holdout": 0.2, "channel": "mass", "at": "2026-01-17T10:00:00+08:00",
            "message": {"type": "text", "text": "新品上架 {{link}}", "link": "https://example.com/p"}, "goal": {"event": "purchase", "window": "7d"}})
        server.ok("POST", "/v1/campaigns/spring/start")
        sandbox.ok("POST", "/sandbox/advance", {"by": "2d"})
        out = ROOT / "build/screenshots/real"
        done = subprocess.run(["node", "test/walk.mjs", server.url, "--key", server.key, "--out", str(out)], cwd=ROOT / "console",
                              capture_output=True, text=True, timeout=500)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-3000:])
        self.assertGreater(len(list(out.glob("zh-*.png"))), 15)


if __name__ == "__main__":
    main()
