"""The main job on data that nobody here wrote: import, portraits, recommendation, a segment. Skipped where the data is not here."""
import json
import unittest

from harness import ROOT, Server, cli, main, shared_data


class RealData(unittest.TestCase):
    def setUp(self):
        self.server = Server('log_level = "warning"\n').start()
        self.addCleanup(self.server.close)

    def bring_in(self, relative, mapping, account):
        report = self.server.cli("import", shared_data(relative), "--mapping", ROOT / f"examples/{mapping}.toml", "--account", account, "--json")
        self.assertEqual(report["state"], "done")
        return report["quality"]

    def count(self, tree):
        return self.server.cli("segment", "preview", "--tree", json.dumps(tree), "--json")["count"]

    def test_ml_100k(self):
        items = self.bring_in("recommend/ml-100k/ml-100k.item", "ml-100k-items", "ml")
        self.assertEqual(items["items"], 1682)
        events = self.bring_in("recommend/ml-100k/ml-100k.inter.gz", "ml-100k", "ml")
        self.assertEqual(events["accepted"], 100_000)
        self.assertEqual(self.count({"all": True}), 943)
        self.assertGreater(self.count({"event": "rating", "count": {">=": 100}}), 300)
        trained = self.server.cli("train", "recommend", "--json")
        self.assertEqual(trained["metrics"]["people"], 943)
        portrait = self.server.ok("GET", "/v1/people/user_id:ml:196")
        self.assertEqual(portrait["events"], 39)  # of 1997, so every interest has decayed
        listed = self.server.ok("GET", "/v1/recommend/user_id:ml:196?n=10")
        self.assertEqual(len(listed["items"]), 10)
        self.assertFalse(listed["fallback"])
        self.assertIn("《", listed["items"][0]["reason"])
        seen = {e["item"]["id"] for e in self.server.ok("GET", "/v1/people/user_id:ml:196/events?limit=1000")["items"]}
        self.assertFalse(seen & {i["item"]["id"] for i in listed["items"]})

    def test_news_impressions(self):
        quality = self.bring_in("recommend/news-impressions/behaviors.tsv.gz", "news-impressions", "news")
        self.assertEqual(quality["rows"], 5000)
        self.assertEqual(quality["rows_bad"], 0)
        clickers = self.count({"event": "click", "count": {">=": 1}})
        self.assertGreater(clickers, 1000)
        self.server.cli("train", "recommend", "--json")
        person = self.server.ok("GET", "/v1/people?limit=1")["items"][0]["id"]
        self.assertTrue(self.server.ok("GET", f"/v1/people/{person}")["events"])
        self.assertTrue(self.server.ok("GET", f"/v1/recommend/{person}?n=5")["items"])

    def test_wechat_channels_sample(self):
        quality = self.bring_in("recommend/wechat-channels-mini/user_action_mini.csv", "wechat-channels-actions", "channels")
        self.assertEqual(quality["rows"], 99)
        self.assertEqual(quality["rows_bad"], 0)
        self.bring_in("recommend/wechat-channels-mini/feed_info_mini.csv.gz", "wechat-channels-feeds", "channels")
        self.assertGreater(self.count({"event": "like", "count": {">=": 1}}), 0)

    def test_leave_one_out_gate(self):
        folder = "recommend/ml-100k/loo_chrono_"
        out = cli("evaluate", "recommend", "--protocol", "loo", "--train", shared_data(folder + "train.csv.gz"), "--validation",
                  shared_data(folder + "validation.csv"), "--test", shared_data(folder + "test.csv"), "--model", "itemknn",
                  "--param", "k=227", "--param", "shrink=5", "--at", "10,20,100", "--json")
        for name, value in (("ndcg@10", .06473), ("recall@10", .12195), ("recall@20", .18452), ("recall@100", .48462), ("ndcg@100", .13432)):
            self.assertAlmostEqual(out["metrics"][name], value, 5, name)


if __name__ == "__main__":
    main()
