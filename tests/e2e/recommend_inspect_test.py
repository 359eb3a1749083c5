"""What people see who look after recommendation: how a list came about, versions beside each other, the map, items with figures."""
import unittest
from urllib.parse import quote

from harness import STEPPED, Server, main
from recommend_routes_test import COFFEE, TEA, did, filled, ids, product, train


class Inspection(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = filled(Server(STEPPED).start())  # recommend-1: itemknn
        train(cls.server, model="ease", factors=4)  # recommend-2
        cls.server.ok("POST", "/v1/events", [did("ann", "tea-1"), did("ann", "tea-2", "like")])
        cls.server.settled_total()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def get(self, path):
        return self.server.ok("GET", path)

    def refused(self, path, field, status=400):
        answer = self.server.send("GET", path)
        self.assertEqual((answer.status, answer.json.get("field")), (status, field), answer.body)

    def inspect(self, query=""):
        return self.get(f"/v1/recommend/user_id:shop:ann/inspect?{query}")

    def test_a_list_is_told_from_its_sources_to_its_end(self):
        looked = self.inspect("n=4&depth=50&exclude=article/tea-3")
        served = self.get("/v1/recommend/user_id:shop:ann?n=4&exclude=article/tea-3&explain=true")
        final = looked["stages"][-1]
        self.assertEqual((final["stage"], ids(final)), ("final", ids(served)))
        self.assertEqual([one["terms"] for one in final["items"] if "terms" in one], [one["terms"] for one in served["items"] if "terms" in one])
        self.assertEqual((looked["person"], looked["model"], looked["n"]), (served["person"], "recommend-2", 4))
        self.assertEqual([one["stage"] for one in looked["stages"]], ["merged", "final"])
        sources = {one["source"]: one for one in looked["sources"]}
        self.assertEqual(set(sources), {"ease", "ials", "tags", "popular", "fresh"})
        popular = {one["item"]["id"]: one["removed"] for one in sources["popular"]["items"]}
        self.assertEqual(popular["tea-1"]["rule"], "dealt_with")
        self.assertEqual(popular["tea-3"]["rule"], "excluded")
        self.assertTrue(popular["tea-3"]["zh"] and popular["tea-3"]["en"])
        self.assertIsNone(popular["coffee-1"])
        removed = {one["rule"]: one["count"] for one in looked["removed"]}
        self.assertEqual(removed, {"dealt_with": 2, "excluded": 1})
        self.assertEqual(looked["candidates"], 13)
        self.assertEqual(looked["history"], 2)
        self.assertEqual(looked["interests"][0]["tag"], "茶")
        varied = self.inspect("n=4&author_max=1&diversity=0.5")
        self.assertEqual([one["stage"] for one in varied["stages"]], ["merged", "reranked", "final"])
        self.assertTrue(any((one["removed"] or {}).get("rule") == "author_max" for one in varied["stages"][0]["items"]))

    def test_any_stored_version_can_be_asked_and_nothing_is_noted(self):
        other = self.inspect("version=recommend-1&n=4")
        self.assertEqual(other["model"], "recommend-1")
        self.assertEqual({one["source"] for one in other["sources"]}, {"itemknn", "tags", "popular", "fresh"})
        self.refused("/v1/recommend/user_id:shop:ann/inspect?version=recommend-9", None, 404)
        self.refused("/v1/recommend/user_id:shop:ann/inspect?depth=0", "depth")
        self.refused("/v1/recommend/user_id:shop:ann/inspect?depth=301", "depth")
        self.refused("/v1/recommend/user_id:shop:ann/inspect?n=0", "n")
        self.refused("/v1/recommend/user_id:shop:ann/inspect?verson=1", "verson")
        self.refused("/v1/recommend/p_00000000000000000000000000/inspect", None, 404)
        cold = self.get("/v1/recommend/user_id:shop:never/inspect?n=3")
        self.assertEqual((cold["person"], cold["fallback"], len(cold["stages"][-1]["items"])), (None, True, 3))

    def test_roles(self):
        ingest = self.server.ok("POST", "/v1/keys", {"name": "pages", "role": "ingest"})["key"]
        for path in ("/v1/recommend/user_id:shop:ann/inspect", "/v1/recommend/map", "/v1/recommend/compare", "/v1/items/statistics"):
            self.assertEqual(self.server.send("GET", path, key=ingest).status, 403, path)

    def test_versions_beside_each_other(self):
        both = self.get("/v1/recommend/compare?version=recommend-1&with=recommend-2&people=50&n=3")
        self.assertEqual([one["id"] for one in both["versions"]], ["recommend-1", "recommend-2"])
        self.assertGreaterEqual(both["people"], 41)
        self.assertTrue(0 <= both["overlap"]["low"] <= both["overlap"]["mean"] <= both["overlap"]["high"])
        self.assertTrue(both["versions"][1]["active"])
        self.assertEqual(len(both["versions"][1]["metrics"]["losses"]), 15)
        self.assertEqual(sum(both["versions"][0]["sources"].values()), 3 * both["people"])
        self.assertIn("refused", both["later"])
        for pair in both["examples"]:
            self.assertEqual([len(one) for one in pair["lists"]], [3, 3])
        same = self.get("/v1/recommend/compare?version=recommend-2&with=recommend-2&people=20")
        self.assertEqual((same["overlap"]["mean"], same["identical"]), (1, same["people"]))
        self.assertEqual(self.get("/v1/recommend/compare?people=20&seed=3"), self.get("/v1/recommend/compare?people=20&seed=3"))
        self.assertNotIn("overlap", self.get("/v1/recommend/compare?people=20"))
        for query, field in (("people=0", "people"), ("n=101", "n"), ("seed=x", "seed"), ("person=1", "person")):
            self.refused(f"/v1/recommend/compare?{query}", field)
        self.refused("/v1/recommend/compare?version=response-1", "version", 404)

    def test_the_map(self):
        for by in ("behaviour", "factors", "tags"):
            drawn = self.get(f"/v1/recommend/map?by={by}")
            at = {one["id"]: (one["x"], one["y"]) for one in drawn["items"]}
            far = lambda a, b: ((at[a][0] - at[b][0]) ** 2 + (at[a][1] - at[b][1]) ** 2) ** 0.5
            self.assertGreater(far("tea-1", "coffee-1"), 2 * far("tea-1", "tea-2"), by)
            self.assertEqual(drawn, self.get(f"/v1/recommend/map?by={by}"))
        self.assertEqual(len(self.get("/v1/recommend/map?by=tags&kinds=product")["items"]), 3)
        few = self.get("/v1/recommend/map?by=tags&limit=4")
        self.assertEqual((len(few["items"]), few["beyond"]), (4, 9))
        self.refused("/v1/recommend/map?by=factors&version=recommend-1", None, 404)
        self.refused("/v1/recommend/map?by=colour", "by")
        self.refused("/v1/recommend/map?limit=5001", "limit")

    def test_items_with_status_and_figures(self):
        page = self.get("/v1/items/statistics?kind=product")
        self.assertEqual([one["item"]["id"] for one in page["items"]], ["box-1", "box-2", "box-3"])
        box = page["items"][0]
        self.assertEqual((box["status"], box["people"]["bought"], box["sums"]["purchase"]), ("available", 20, 20 * 9900))
        self.assertEqual(box["conversion"]["of"], "bought")
        self.assertLess(box["conversion"]["low"], 1)
        self.assertIsNone(page["items"][2]["conversion"])
        self.assertEqual(page["by_status"], {"available": 3, "upcoming": 0, "expired": 0, "out_of_stock": 0, "hidden": 0})
        first = self.get("/v1/items/statistics?limit=9")
        rest = self.get("/v1/items/statistics?limit=9&after=" + quote(first["next"], safe=""))
        self.assertEqual((first["total"], len(first["items"]) + len(rest["items"]), rest["next"]), (13, 13, None))
        found = self.get("/v1/items/statistics?q=" + quote("咖啡话"))
        self.assertEqual({one["item"]["id"] for one in found["items"]}, set(COFFEE))
        self.server.ok("POST", "/v1/items", product("box-3", 29900) | {"stock": 0})
        gone = self.get("/v1/items/statistics?status=out_of_stock")
        self.assertEqual([one["item"]["id"] for one in gone["items"]], ["box-3"])
        self.server.ok("POST", "/v1/items", product("box-3", 29900))
        for query, field in (("status=gone", "status"), ("after=x", "after"), ("limit=0", "limit"), ("kinds=product", "kinds")):
            self.refused(f"/v1/items/statistics?{query}", field)

    def test_one_item(self):
        tea = self.get("/v1/items/article/tea-1/statistics")
        kinds = {one["kind"]: one for one in tea["kinds"]}
        self.assertEqual(kinds["read"]["people"], 17)  # sixteen of the crowd, and ann
        self.assertEqual((len(tea["daily"]), sum(day["dealt"] for day in tea["daily"])), (30, 17))
        self.assertEqual({one["item"]["id"] for one in tea["similar"]} & set(TEA), set(TEA[1:]))
        self.refused("/v1/items/article/none/statistics", None, 404)

    def test_what_came_later_tells_which_version_was_right(self):
        server = filled(Server(STEPPED).start())
        self.addCleanup(server.close)
        train(server, model="rp3beta", k=5)
        server.ok("POST", "/v1/clock", {"to": "2026-01-07T00:00:00+08:00"})
        # Everybody of the crowd reads the one of five that was left out.
        server.ok("POST", "/v1/events", [did(f"crowd{i}", (TEA if i < 20 else COFFEE)[i % 5]) for i in range(40)])
        server.settled_total()
        later = server.ok("GET", "/v1/recommend/compare?version=recommend-1&with=recommend-2&people=100&n=3")["later"]
        self.assertEqual((later["people"], later["wanted"]), (40, 40))
        for version in later["versions"]:
            self.assertGreater(version["recall@3"]["mean"], 0.9)
            self.assertLessEqual(version["ndcg@3"]["mean"], 1)
        self.assertIn("ndcg@3", later["difference"])


if __name__ == "__main__":
    main()
