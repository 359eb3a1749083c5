"""What editors choose: lists over HTTP and the command line, who may change them, and what becomes of them in recommendations."""
import sqlite3
import unittest

from harness import STEPPED, Server, cli, main
from recommend_routes_test import article, did, filled, ids, impressions

FRESH = [f"fresh-{i}" for i in range(1, 7)]  # nobody dealt with them
PATH = "/v1/recommend/editor-lists"


def refs(*names):
    return [{"kind": "article", "id": id} for id in names]


def edited(answer):
    return [item["item"]["id"] for item in answer["items"] if item["source"] == "editor"]


class Lists(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = filled(Server(STEPPED).start())
        cls.server.ok("POST", "/v1/items", [article(id) | {"published_at": "2025-11-01T00:00:00+08:00", "tags": []} for id in FRESH])
        cls.server.ok("POST", "/v1/events", [did("ann", "tea-1"), did("ann", "tea-2", "like")])
        cls.server.settled_total()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def put(self, id, items=None, version=None, **more):
        body = {"name": "春茶上新", "items": refs(*(items or FRESH))} | more
        answer = self.server.send("PUT", f"{PATH}/{id}", body, headers=None if version is None else {"If-Match": str(version)})
        self.assertIn(answer.status, (200, 201), answer.body)
        self.addCleanup(self.server.send, "DELETE", f"{PATH}/{id}")
        return answer

    def get(self, path):
        return self.server.ok("GET", "/v1/recommend/" + path)

    def refused(self, method, path, body=None, field=None, status=400, key=None, headers=None):
        answer = self.server.send(method, path, body, key=key, headers=headers)
        self.assertEqual((answer.status, answer.json.get("field")), (status, field), answer.body)
        return answer.json["detail"]

    def test_a_list_is_made_changed_and_removed(self):
        made = self.put("spring", ["tea-1", "none", "tea-2"], share=0.2)
        self.assertEqual(made.status, 201)
        self.assertEqual(made.headers["ETag"], '"1"')
        stored = made.json
        self.assertEqual({name: stored[name] for name in ("id", "name", "items", "share", "enabled", "account", "version", "state", "can_be_shown")},
                         {"id": "spring", "name": "春茶上新", "items": refs("tea-1", "none", "tea-2"), "share": 0.2, "enabled": True, "account": "",
                          "version": 1, "state": "active", "can_be_shown": 2})
        self.assertEqual(stored["by_status"], {"available": 2, "unknown": 1})
        self.assertEqual([(one["id"], one["title"], one["status"]) for one in stored["contents"]],
                         [("tea-1", "茶话 1", "available"), ("none", "", "unknown"), ("tea-2", "茶话 2", "available")])
        self.assertEqual(self.server.ok("GET", f"{PATH}/spring"), stored)
        self.refused("PUT", f"{PATH}/spring", {"name": "x", "items": refs("tea-1")}, status=409)
        # What was read can be changed and sent back; what the server sets cannot be set.
        again = self.server.ok("PUT", f"{PATH}/spring", stored | {"name": "夏茶"}, headers={"If-Match": "1"})
        self.assertEqual((again["version"], again["name"], again["share"]), (2, "夏茶", 0.2))
        self.refused("PUT", f"{PATH}/spring", {"name": "x", "items": refs("tea-1")}, status=409, headers={"If-Match": "1"})
        self.refused("PUT", f"{PATH}/spring", again | {"updated_by": "nobody"}, field="updated_by", headers={"If-Match": "2"})
        self.assertTrue(stored["updated_by"].startswith("key:"))
        listed = self.server.ok("GET", PATH)
        self.assertEqual(([one["id"] for one in listed["items"]], listed["total"], listed["next"]), (["spring"], 1, None))
        self.assertNotIn("contents", listed["items"][0])
        self.server.restart()
        self.assertEqual(self.server.ok("GET", f"{PATH}/spring")["name"], "夏茶")
        self.refused("DELETE", f"{PATH}/spring", status=409, headers={"If-Match": "1"})
        self.server.ok("DELETE", f"{PATH}/spring", headers={"If-Match": "2"})
        self.refused("GET", f"{PATH}/spring", status=404)
        self.refused("DELETE", f"{PATH}/spring", status=404)
        done = [one["what"] for one in self.server.ok("GET", "/v1/audit")["items"]]
        self.assertIn(f"PUT {PATH}/spring", done)
        self.assertIn(f"DELETE {PATH}/spring", done)

    def test_lists_come_in_pages(self):
        for id in ("c", "a", "b"):
            self.put(id)
        first = self.server.ok("GET", f"{PATH}?limit=2")
        self.assertEqual(([one["id"] for one in first["items"]], first["next"], first["total"]), (["a", "b"], "b", 3))
        last = self.server.ok("GET", f"{PATH}?limit=2&after=b")
        self.assertEqual(([one["id"] for one in last["items"]], last["next"]), (["c"], None))
        self.refused("GET", f"{PATH}?limit=0", field="limit")

    def test_what_is_wrong_is_refused_with_its_field(self):
        fine = {"name": "x", "items": refs("tea-1")}
        self.assertIn("did you mean 'items'", self.refused("PUT", f"{PATH}/a", fine | {"itens": []}, field="itens"))
        for field, body in (("name", fine | {"name": " "}), ("name", fine | {"name": "茶" * 65}), ("items", fine | {"items": []}),
                            ("items", fine | {"items": refs(*map(str, range(501)))}), ("items[1]", fine | {"items": refs("a", "a")}),
                            ("items[0].kind", fine | {"items": [{"kind": "A", "id": "x"}]}), ("share", fine | {"share": 0.6}),
                            ("valid_until", fine | {"valid_from": "2026-01-02T00:00:00Z", "valid_until": "2026-01-01T00:00:00Z"}),
                            ("id", fine | {"id": "b"})):
            self.refused("PUT", f"{PATH}/a", body, field=field)
        self.refused("PUT", f"{PATH}/Not-an-id", fine, field="id")
        self.refused("GET", "/v1/recommend/editor/none", status=404)
        self.put("a")
        self.refused("GET", "/v1/recommend/editor/a?explore=1", field="explore")
        self.assertIn("did you mean 'categories'", self.refused("GET", "/v1/recommend/editor/a?categoryes=x", field="categoryes"))

    def test_a_persons_list_has_its_place_and_the_next_answer_follows_each_change(self):
        plain = self.get("user_id:shop:ann?n=5")  # four that go with what she read, and one that is new
        self.assertEqual(edited(plain), [])
        self.put("spring")
        answer = self.get("user_id:shop:ann?n=5")
        self.assertEqual(edited(answer), ["fresh-1"])
        item = next(one for one in answer["items"] if one["source"] == "editor")
        self.assertEqual((item["reason"], item["reason_en"], item["propensity"]), ("编辑精选《春茶上新》", "picked by the editors: 春茶上新", 1))
        self.put("spring", ["fresh-3", "fresh-2"], version=1, share=0.4)
        self.assertEqual(edited(self.get("user_id:shop:ann?n=5")), ["fresh-3", "fresh-2"])
        self.server.ok("POST", "/v1/items/article/fresh-3/hide")
        self.assertEqual(edited(self.get("user_id:shop:ann?n=5")), ["fresh-2"])
        looked = self.get("user_id:shop:ann/inspect?n=5")
        source = next(one for one in looked["sources"] if one["source"] == "editor")
        self.assertEqual([(one["item"]["id"], one["removed"] and one["removed"]["rule"]) for one in source["items"]],
                         [("fresh-3", "hidden"), ("fresh-2", None)])
        self.server.ok("POST", "/v1/items/article/fresh-3/unhide")
        self.put("spring", version=2, enabled=False)
        self.assertEqual(ids(self.get("user_id:shop:ann?n=5")), ids(plain))
        self.put("spring", version=3)
        self.server.ok("DELETE", f"{PATH}/spring")
        self.assertEqual(ids(self.get("user_id:shop:ann?n=5")), ids(plain))

    def test_cold_people_and_visitors_see_it_before_what_is_popular(self):
        self.put("spring")
        for answer in (self.get("user_id:shop:cold?n=10"), self.server.ok("POST", "/v1/recommend/session", {"n": 10})):
            self.assertEqual(edited(answer), FRESH[:5])  # one kept, and half of the others
            self.assertEqual(ids(answer)[:5], FRESH[:5])
            self.assertTrue(answer["fallback"])

    def test_one_alone_is_served_to_everybody_by_the_rules(self):
        self.put("inspect", ["fresh-2", "none", "tea-1", "fresh-1"])
        answer = self.get("editor/inspect")
        self.assertEqual(ids(answer), ["fresh-2", "tea-1", "fresh-1"])
        self.assertIsNotNone(answer["impression"])
        self.assertEqual(ids(self.get("editor/inspect?n=1&exclude=article/fresh-2")), ["tea-1"])
        ingest = self.server.ok("POST", "/v1/keys", {"name": "pages", "role": "ingest"})["key"]
        self.assertEqual(self.server.send("GET", "/v1/recommend/editor/inspect", key=ingest).status, 200)
        self.assertEqual(self.server.send("GET", PATH, key=ingest).status, 403)
        analyst = self.server.ok("POST", "/v1/keys", {"name": "looks", "role": "analyst"})["key"]
        self.assertEqual(self.server.send("GET", f"{PATH}/inspect", key=analyst).status, 200)
        self.assertEqual(self.server.send("DELETE", f"{PATH}/inspect", key=analyst).status, 403)
        self.server.process.stop()
        recorded = [one for one in impressions(self.server.folder) if one["items"] and one["items"][0]["source"] == "editor"]
        self.server.start()
        self.assertIn(["fresh-2", "tea-1", "fresh-1"], [[item["id"] for item in one["items"]] for one in recorded])

    def test_it_is_for_the_followers_of_its_account_and_keys_of_others_do_not_see_it(self):
        self.put("all", ["fresh-1"], share=0)
        self.put("mine", ["fresh-2", "fresh-3"], account="shop")
        self.put("theirs", ["fresh-4"], account="school")
        self.assertEqual(edited(self.get("user_id:shop:ann?n=5")), ["fresh-2"])
        self.assertEqual(edited(self.get("user_id:school:cold?n=10&kind=article")), ["fresh-4", "fresh-1"])
        self.assertEqual(ids(self.get("editor/theirs?account=shop")), [])
        self.assertEqual(ids(self.get("editor/theirs?account=school")), ["fresh-4"])
        self.assertEqual(ids(self.get("editor/theirs")), ["fresh-4"])
        key = self.server.ok("POST", "/v1/keys", {"name": "shop", "role": "operator", "accounts": ["shop"]})["key"]
        listed = self.server.send("GET", PATH, key=key).json
        self.assertEqual(([one["id"] for one in listed["items"]], listed["total"]), (["mine"], 1))
        self.assertEqual(self.server.send("GET", f"{PATH}/mine", key=key).status, 200)
        fine = {"name": "x", "items": refs("fresh-5")}
        for method, id, body, headers in (("GET", "theirs", None, {}), ("GET", "all", None, {}), ("DELETE", "theirs", None, {}), ("DELETE", "all", None, {}),
                                          ("PUT", "new", fine, {}), ("PUT", "new", fine | {"account": "school"}, {}),
                                          ("PUT", "theirs", fine | {"account": "shop"}, {"If-Match": "1"}), ("PUT", "mine", fine, {"If-Match": "1"})):
            self.assertEqual(self.server.send(method, f"{PATH}/{id}", body, key=key, headers=headers).status, 403, (method, id))
        changed = self.server.send("PUT", f"{PATH}/mine", fine | {"account": "shop"}, key=key, headers={"If-Match": "1"})
        self.assertEqual((changed.status, changed.json["updated_by"]), (200, "key:shop"))
        self.assertEqual(self.server.send("DELETE", f"{PATH}/mine", key=key).status, 200)
        # One that cannot be read may be anybody's.
        with sqlite3.connect(self.server.folder / "data/state.db", timeout=30) as state:
            state.execute("UPDATE editor_list SET definition = '{' WHERE id = 'theirs'")
        for method, body in (("PUT", fine | {"account": "shop"}), ("DELETE", None)):
            self.assertEqual(self.server.send(method, f"{PATH}/theirs", body, key=key, headers={"If-Match": "1"}).status, 500, method)
        self.assertEqual(self.server.send("DELETE", f"{PATH}/theirs").status, 200)

    def test_the_command_line_does_the_same(self):
        picks = self.server.folder / "picks.txt"
        picks.write_text("# 三月\narticle/fresh-2\n\narticle/none\r\n", encoding="utf-8")
        self.addCleanup(self.server.send, "DELETE", f"{PATH}/march")
        self.assertIn("makes one", self.server.cli("recommend", "lists"))
        made = self.server.cli("recommend", "lists", "set", "march", "--name", "三月", "--item", "article/fresh-1", "--item", "article/tea-1",
                               "--valid-until", "2026-05-01", "--json")
        self.assertEqual((made["items"], made["updated_by"], made["valid_until"][:10]), (refs("fresh-1", "tea-1"), "command line", "2026-05-01"))
        self.assertEqual(edited(self.get("user_id:shop:ann?n=5")), ["fresh-1"])
        changed = self.server.cli("recommend", "lists", "set", "march", "--file", str(picks), "--share", "0.3", "--valid-until", "", "--json")
        self.assertEqual((changed["items"], changed["name"], changed["share"], changed.get("valid_until"), changed["version"]),
                         (refs("fresh-2", "none"), "三月", 0.3, None, 2))
        shown = self.server.cli("recommend", "lists", "show", "march")
        for part in ("active", "1/2", "30 %", "三月", "1. article/fresh-2", "2. article/none    [unknown]"):
            self.assertIn(part, shown)
        self.assertIn("march", self.server.cli("recommend", "lists"))
        self.assertEqual(self.server.cli("recommend", "lists", "set", "march", "--disable", "--json")["state"], "disabled")
        for arguments, words in ((("set", "march", "--item", "fresh-1"), "'fresh-1' is not of the form KIND/ID"), (("set", "new", "--name", "x"), "items"),
                                 (("set", "march", "--item", "a/b", "--file", str(picks)), "beside --item"), (("set", "march", "--share", "2"), "share"),
                                 (("set", "march", "--valid-from", "soon"), "valid-from"), (("show", "none"), "does not exist")):
            failed = cli("recommend", "lists", *arguments, "--config", self.server.config, check=False)
            self.assertNotEqual(failed.returncode, 0)
            self.assertIn(words, failed.stderr)
        picks.write_text("article/a\nnonsense\n")
        failed = cli("recommend", "lists", "set", "march", "--file", str(picks), "--config", self.server.config, check=False)
        self.assertIn("line 2: 'nonsense'", failed.stderr)
        self.assertEqual(self.server.cli("recommend", "lists", "remove", "march", "--json"), {"removed": "march"})
        self.server.process.stop()  # without a server, too
        self.server.cli("recommend", "lists", "set", "march", "--name", "三月", "--item", "article/fresh-1")
        self.server.start()
        self.assertEqual(edited(self.get("user_id:shop:ann?n=5")), ["fresh-1"])
        done = [one["what"] for one in self.server.ok("GET", "/v1/audit")["items"]]
        self.assertIn("recommend lists set march", done)
        self.assertFalse([one for one in done if one in ("recommend lists", "recommend lists show march")])


class Trial(unittest.TestCase):
    def test_while_two_versions_are_compared_editors_keep_their_places_and_belong_to_neither(self):
        server = filled(Server(STEPPED + '[recommend]\ntrain_at = ""\ninterleave = "sources"\ninterleave_percent = 100\n').start())
        self.addCleanup(server.close)
        server.ok("POST", "/v1/items", [article(id) for id in FRESH])
        server.ok("POST", "/v1/events", [did("ann", "tea-1"), did("ann", "tea-2", "like")])
        server.settled_total()
        server.ok("PUT", f"{PATH}/spring", {"name": "x", "items": refs(*FRESH), "share": 0.4})
        for _ in range(8):
            answer = server.ok("GET", "/v1/recommend/user_id:shop:ann?n=5")
            self.assertEqual(edited(answer), FRESH[:2])
            self.assertEqual(len(set(ids(answer))), len(answer["items"]))
            for item in answer["items"]:
                self.assertEqual("team" in item, item["source"] != "editor")
                self.assertEqual(item["propensity"] if item["source"] == "editor" else 1, 1)


class Time(unittest.TestCase):
    def test_a_list_comes_and_goes_with_its_time(self):
        server = Server(STEPPED).start()
        self.addCleanup(server.close)
        server.ok("POST", "/v1/items", [article("tea-1"), article("tea-2")])
        body = {"name": "x", "items": refs("tea-1"), "valid_from": "2026-01-06T00:00:00+08:00", "valid_until": "2026-01-07T00:00:00+08:00"}
        server.ok("PUT", f"{PATH}/day", body)
        for moment, state in (("2026-01-05T23:59:59+08:00", "upcoming"), ("2026-01-06T00:00:00+08:00", "active"),
                              ("2026-01-06T23:59:59+08:00", "active"), ("2026-01-07T00:00:00+08:00", "expired")):
            server.ok("POST", "/v1/clock", {"to": moment})
            self.assertEqual(server.ok("GET", f"{PATH}/day")["state"], state)
            listed = ["tea-1"] if state == "active" else []
            self.assertEqual(ids(server.ok("GET", "/v1/recommend/editor/day")), listed)
            self.assertEqual(edited(server.ok("GET", "/v1/recommend/user_id:shop:cold?n=10")), listed)


if __name__ == "__main__":
    main()
