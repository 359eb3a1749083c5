"""Recommendations over HTTP: every list, its rules and refusals, what changes the next answer, what is recorded of it, and a model
that cannot be read."""
import os
import pathlib
import sqlite3
import struct
import tempfile
import unittest
from urllib.parse import quote

from harness import STEPPED, Server, cli, http, main

TEA = [f"tea-{i}" for i in range(1, 6)]
COFFEE = [f"coffee-{i}" for i in range(1, 6)]
ARTICLES = TEA + COFFEE


def article(id, **more):
    topic = "茶" if id.startswith("tea") else "咖啡"
    return {"kind": "article", "id": id, "title": f"{topic}话 {id[-1]}", "tags": [topic], "category": topic, "author": f"作者{id[-1]}",
            "published_at": f"2025-12-0{id[-1]}T00:00:00+08:00"} | more


def product(id, price):
    return {"kind": "product", "id": id, "title": f"礼盒 {id}", "tags": ["礼物"], "category": "礼盒", "price": price, "stock": 5}


def did(person, id, kind="read", item_kind="article", value=None):
    event = {"account": "shop", "identities": [{"kind": "user_id", "value": person}], "kind": kind, "item": {"kind": item_kind, "id": id}}
    return event if value is None else event | {"value": value}


def crowd():
    """Forty readers: half of tea, half of coffee; each left one of five out, so that there is something to recommend."""
    events = []
    for i in range(40):
        topic = TEA if i < 20 else COFFEE
        events += [did(f"crowd{i}", id) for place, id in enumerate(topic) if place != i % 5]
        events.append(did(f"crowd{i}", "box-1" if i < 20 else "box-2", "purchase", "product", 9900))
    return events


def filled(server):
    """The same catalogue, readers and model for every installation here."""
    server.ok("POST", "/v1/items", [article(id) for id in ARTICLES] + [product("box-1", 9900), product("box-2", 19900), product("box-3", 29900)])
    server.ok("POST", "/v1/events", crowd())
    train(server)
    return server


def train(server, **settings):
    run = server.run_ended(server.ok("POST", "/v1/train/recommend", {"model": "itemknn", "factors": 0} | settings)["run"])
    if run["state"] != "done":
        raise AssertionError(run)
    return run


def ids(answer):
    return [item["item"]["id"] for item in answer["items"]]


def impressions(folder):
    """What the log holds of lists (docs/formats/event-log.md, impression-record.md), in order. Only while nobody serves."""
    with sqlite3.connect(folder / "data/log.db") as log:
        chunks = [row[0] for row in log.execute("SELECT bytes FROM chunk_2 ORDER BY first")]
    out = []
    for chunk in chunks:
        count, at = struct.unpack_from("<I", chunk, 17)[0], 21
        for _ in range(count):
            size = struct.unpack_from("<I", chunk, at + 1)[0]
            out.append(impression(chunk[at + 5:at + 5 + size]))
            at += 5 + size
    return out


def impression(record):
    at = 1

    def number(form):
        nonlocal at
        value = struct.unpack_from("<" + form, record, at)[0]
        at += struct.calcsize("<" + form)
        return value

    def text():
        nonlocal at
        size = number("H")
        at += size
        return record[at - size:at].decode()

    out = {name: text() for name in ("id", "person", "account", "place", "model")} | {"at": number("q")}
    out["items"] = [{"kind": text(), "id": text(), "source": text(), "score": number("d"), "propensity": number("f")}
                    for _ in range(number("H"))]
    return out


class Lists(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = filled(Server(STEPPED).start())

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def get(self, path):
        return self.server.ok("GET", "/v1/recommend/" + path)

    def post(self, path, body):
        return self.server.ok("POST", "/v1/recommend/" + path, body)

    def does(self, *events):
        """Afterwards everything that was acknowledged has arrived."""
        answer = self.server.ok("POST", "/v1/events", list(events))
        self.assertEqual(answer["accepted"], len(events), answer)
        self.server.settled_total()

    def refused(self, method, path, body=None, field=None, status=400):
        answer = self.server.send(method, "/v1/recommend/" + path, body)
        self.assertEqual((answer.status, answer.json.get("field")), (status, field), answer.body)
        return answer.json["detail"]

    # What every list is

    def test_a_person_gets_what_goes_with_the_own_items_and_why(self):
        self.does(did("ann", "tea-1"), did("ann", "tea-2", "like"))
        answer = self.get("user_id:shop:ann?n=4&explain=true")
        self.assertTrue(answer["person"].startswith("p_"))
        self.assertEqual((answer["model"], answer["fallback"]), ("recommend-1", False))
        self.assertEqual(set(ids(answer)), {"tea-3", "tea-4", "tea-5", "box-1"})
        for item in answer["items"]:
            self.assertEqual((item["source"], item["propensity"]), ("itemknn", 1))
            self.assertIn(item["reason"], ("因为你读过《茶话 1》", "因为你赞过《茶话 2》"))
            self.assertTrue(item["reason_en"].startswith("because you "))
            self.assertAlmostEqual(sum(term["share"] for term in item["terms"]), item["score"], 5)
            self.assertLessEqual({term["item"]["id"] for term in item["terms"]}, {"tea-1", "tea-2"})
            # The reason is the largest term.
            self.assertIn(item["terms"][0]["item"]["title"], item["reason"])
        scores = [item["score"] for item in answer["items"]]
        self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertNotIn("terms", self.get("user_id:shop:ann?n=1")["items"][0])
        self.assertEqual(self.get(answer["person"] + "?n=4&explain=true"), answer)
        self.assertEqual(ids(self.get("user_id:shop:ann?n=300")), ids(self.get("user_id:shop:ann?n=300")))

    def test_an_unknown_identity_is_a_cold_person_and_an_unknown_id_is_not_there(self):
        cold = self.get("user_id:shop:nobody-yet?n=3")
        self.assertEqual((cold["person"], cold["fallback"], len(cold["items"])), (None, True, 3))
        self.assertEqual({item["source"] for item in cold["items"]}, {"popular"})
        self.refused("GET", "p_00000000000000000000000000", status=404)
        self.refused("GET", "nobody", status=400)

    def test_a_session_is_enough(self):
        events = [{"kind": "read", "item": {"kind": "article", "id": "coffee-1"}}, {"kind": "read", "item": {"kind": "article", "id": "coffee-2"}}]
        answer = self.post("session", {"events": events, "n": 3, "kinds": ["article"], "explain": True})
        self.assertEqual(set(ids(answer)), {"coffee-3", "coffee-4", "coffee-5"})
        self.assertNotIn("person", answer)
        self.assertTrue(all(item["terms"] for item in answer["items"]))
        self.assertTrue(self.post("session", {})["fallback"])
        # A rating below three is no liking, but dealt with it is.
        rated = [{"kind": "rating", "value": 1, "item": {"kind": "article", "id": "coffee-1"}}]
        bad = self.post("session", {"events": rated, "n": 20})
        self.assertTrue(bad["fallback"])
        self.assertNotIn("coffee-1", ids(bad))
        rated[0]["value"] = 5
        self.assertFalse(self.post("session", {"events": rated})["fallback"])

    def test_lists_that_need_no_person(self):
        similar = self.get("similar/article/tea-1?n=4&kind=article")
        self.assertEqual(set(ids(similar)), {"tea-2", "tea-3", "tea-4", "tea-5"})
        self.assertEqual(similar["items"][0]["reason"], "与《茶话 1》相似")
        self.refused("GET", "similar/article/none", status=404)
        popular = self.get("popular?n=2&kind=product")
        self.assertEqual(ids(popular), ["box-1", "box-2"])
        self.assertEqual({item["source"] for item in popular["items"]}, {"popular"})
        self.assertEqual(ids(self.get("latest?n=3&categories=%E8%8C%B6")), ["tea-5", "tea-4", "tea-3"])
        strange = {"kind": "article", "id": "第 1/2 课", "title": "课"}
        self.server.ok("POST", "/v1/items", strange)
        self.assertEqual(self.get("similar/article/" + quote(strange["id"], safe=""))["items"], [])
        self.server.ok("POST", "/v1/items", strange | {"stock": 0})

    def test_many_people_at_once(self):
        self.does(did("bo", "tea-1"), did("cy", "coffee-1"))
        one = lambda name: self.get(f"user_id:shop:{name}?n=3")
        answer = self.post("batch", {"people": ["user_id:shop:bo", "user_id:shop:never", one("cy")["person"]], "n": 3})
        self.assertEqual(answer["lists"], [one("bo"), one("never"), one("cy")])
        self.server.ok("PUT", "/v1/segments/buyers", {"name": "buyers", "tree": {"event": "purchase"}})
        lists = self.post("batch", {"segment": "buyers", "n": 1, "kinds": ["article"]})["lists"]
        self.assertEqual(len({one["person"] for one in lists}), 40)
        self.assertEqual({len(one["items"]) for one in lists}, {1})
        self.refused("POST", "batch", {"people": ["user_id:shop:bo", "p_00000000000000000000000000"]}, "people[1]", 404)
        self.refused("POST", "batch", {"segment": "buyers", "people": ["user_id:shop:bo"]}, "segment")
        self.refused("POST", "batch", {}, "people")
        self.refused("POST", "batch", {"people": ["user_id:shop:bo"], "events": [{"kind": "read", "item": {"kind": "a", "id": "b"}}]}, "events")
        self.refused("POST", "batch", {"people": ["user_id:shop:bo"], "explore": 3}, "explore")
        self.refused("POST", "session", {"people": ["user_id:shop:bo"]}, "people")
        self.assertEqual(self.server.send("POST", "/v1/recommend/batch", {"segment": "none"}).status, 404)

    # Rules

    def test_rules_leave_out_what_they_say(self):
        self.does(did("di", "tea-1"))
        ask = lambda query: ids(self.get("user_id:shop:di?n=50&" + query))
        everything = set(ARTICLES) - {"tea-1"} | {"box-1", "box-2", "box-3"}
        self.assertEqual(set(ask("")), everything)
        self.assertEqual(set(ask("kind=product")), {"box-1", "box-2", "box-3"})
        self.assertEqual(set(ask("kinds=product,article")), everything)
        self.assertEqual(set(ask("categories=" + quote("咖啡"))), set(COFFEE))
        self.assertEqual(set(ask("exclude=article/tea-2,product/box-1")), everything - {"tea-2", "box-1"})
        self.assertEqual(set(ask("eligible=article/tea-1,article/tea-2,article/none")), {"tea-2"})
        self.assertEqual(ask("eligible="), [])
        self.assertEqual(set(ask("price_min=9900&price_max=20000")), {"box-1", "box-2"})
        self.assertEqual(ask("pinned=product/box-3,article/tea-1,article/coffee-5&exclude=article/tea-2")[:2], ["box-3", "coffee-5"])
        self.assertEqual(len(ask("author_max=1&kind=article")), 5)
        for rerank in ("mmr", "dpp"):
            self.assertEqual(set(ask(f"diversity=0.5&rerank={rerank}")), everything)
        body = {"events": [{"kind": "read", "item": {"kind": "article", "id": "tea-1"}}], "n": 50}
        session = lambda **rules: ids(self.post("session", body | rules))
        self.assertEqual(session(eligible=[]), [])
        self.assertEqual(session(eligible=[{"kind": "article", "id": "tea-2"}]), ["tea-2"])
        self.assertEqual(set(session(categories=["礼盒"], exclude=[{"kind": "product", "id": "box-3"}])), {"box-1", "box-2"})

    def test_what_cannot_be_is_refused_with_its_field(self):
        for query, field in (("n=0", "n"), ("n=301", "n"), ("n=ten", "n"), ("n=2.5", "n"), ("n=nan", "n"), ("n=", "n"), ("diversity=1.5", "diversity"),
                             ("diversity=nan", "diversity"), ("rerank=best", "rerank"), ("explain=yes", "explain"), ("explore=3&n=10", "explore"),
                             ("exclude=tea-1", "exclude"), ("eligible=/tea-1", "eligible"), ("pinned=article/", "pinned"),
                             ("price_min=cheap", "price_min"), ("price_min=5&price_max=4", "price_min"), ("author_max=-1", "author_max"),
                             ("category_max=301", "category_max"), ("kind=article&kinds=product", "kind"), ("context=night", "context")):
            for path in ("user_id:shop:ann", "similar/article/tea-1", "popular", "latest"):
                self.refused("GET", f"{path}?{query}", field=field)
        self.assertIn("did you mean 'categories'", self.refused("GET", "popular?categoryes=a", field="categoryes"))
        for path in ("session", "batch"):
            for body, field in (({"n": "5"}, "n"), ({"n": 0}, "n"), ({"kinds": "article"}, "kinds"), ({"kinds": [1]}, "kinds[0]"),
                                ({"exclude": ["article/tea-1"]}, "exclude[0]"), ({"exclude": [{"kind": "article"}]}, "exclude[0].id"),
                                ({"eligible": {}}, "eligible"), ({"explain": 1}, "explain"), ({"rerank": "best"}, "rerank"),
                                ({"events": [{"kind": "read"}]}, "events[0].item"), ({"context": {}}, "context"), ({"diversity": 2}, "diversity")):
                self.refused("POST", path, body, field)
            self.refused("POST", path, "[")
        self.assertEqual(self.server.send("POST", "/v1/recommend/popular", {}).status, 405)
        self.assertEqual(http("GET", self.server.url + "/v1/recommend/popular").status, 401)
        ingest = self.server.ok("POST", "/v1/keys", {"name": "pages", "role": "ingest"})["key"]
        self.assertEqual(self.server.send("GET", "/v1/recommend/popular", key=ingest).status, 200)
        self.assertEqual(self.server.send("POST", "/v1/recommend/session", {}, key=ingest).status, 200)
        self.assertEqual(self.server.send("POST", "/v1/recommend/batch", {"people": []}, key=ingest).status, 403)

    # What changes the next answer

    def test_what_runs_out_or_expires_is_gone_with_the_next_answer(self):
        self.does(did("ed", "tea-1"))
        lists = lambda: [ids(self.get(path)) for path in ("user_id:shop:ed?n=50", "popular?n=50", "latest?n=50", "similar/article/tea-2?n=50",
                                                          "user_id:shop:ed?n=50&pinned=product/box-1,article/tea-3")]
        self.assertTrue(all("box-1" in listed and "tea-3" in listed for listed in lists()))
        self.server.ok("POST", "/v1/items", product("box-1", 9900) | {"stock": 0})
        self.assertFalse(any("box-1" in listed for listed in lists()))
        self.server.ok("POST", "/v1/items", product("box-1", 9900))
        self.server.ok("POST", "/v1/items", article("tea-3", valid_until="2026-01-06T00:00:00+08:00"))
        self.server.ok("POST", "/v1/items", article("tea-9", valid_from="2026-01-06T00:00:00+08:00"))
        self.assertTrue(all("box-1" in listed and "tea-3" in listed for listed in lists()))
        self.assertFalse(any("tea-9" in listed for listed in lists()))
        self.server.ok("POST", "/v1/clock", {"to": "2026-01-05T23:59:59+08:00"})
        self.assertTrue(all("tea-3" in listed for listed in lists()))
        self.server.ok("POST", "/v1/clock", {"to": "2026-01-06T00:00:00+08:00"})
        self.assertFalse(any("tea-3" in listed for listed in lists()))
        self.assertIn("tea-9", lists()[0])
        self.server.ok("DELETE", "/v1/items/article/tea-9")
        self.assertFalse(any("tea-9" in listed for listed in lists()))
        self.server.ok("POST", "/v1/items", article("tea-3"))

    def test_feedback_changes_the_next_answer(self):
        first = self.get("user_id:shop:flo?n=5&kind=article")
        self.assertTrue(first["fallback"])
        self.does(did("flo", "coffee-1"))
        second = self.get("user_id:shop:flo?n=4&kind=article")
        self.assertEqual(set(ids(second)), set(COFFEE) - {"coffee-1"})
        turned_down = ids(second)[0]
        self.does(did("flo", turned_down, "not_interested"))
        third = ids(self.get("user_id:shop:flo?n=50"))
        self.assertNotIn(turned_down, third)
        # Being shown something is not dealing with it.
        self.does(did("flo", third[0], "show"))
        self.assertEqual(ids(self.get("user_id:shop:flo?n=50")), third)
        # An item that nobody dealt with yet comes by its tags.
        self.server.ok("POST", "/v1/items", article("coffee-8"))
        fresh = self.get("user_id:shop:flo?n=5&kind=article")
        self.assertIn(("coffee-8", "tags"), [(item["item"]["id"], item["source"]) for item in fresh["items"]])
        self.server.ok("DELETE", "/v1/items/article/coffee-8")

    # What is recorded

    def test_every_list_is_recorded_with_its_probabilities(self):
        fresh = [{"kind": "article", "id": f"fresh-{i}", "title": f"新 {i}"} for i in range(8)]
        self.server.ok("POST", "/v1/items", fresh)
        self.does(did("gil", "tea-1"))
        given = [self.get("user_id:shop:gil?n=10&explore=2&account=shop"),
                 self.post("session", {"events": [{"kind": "read", "item": {"kind": "article", "id": "tea-1"}}], "n": 3})]
        given += [self.get(path) for path in ("similar/article/tea-1?n=2", "latest?n=2")]
        given += [self.get("popular?n=10&explore=2") for _ in range(12)]
        given += self.post("batch", {"people": ["user_id:shop:gil", "user_id:shop:never"], "n": 2, "account": "shop"})["lists"]
        for answer in (given[0], given[4]):
            chances = [item for item in answer["items"] if item["source"] == "explore"]
            self.assertEqual(chances, answer["items"][-2:])
            self.assertTrue(all(0 < item["propensity"] < 1 for item in chances))
            self.assertTrue(all(item["propensity"] == 1 for item in answer["items"][:-2]))
        # Chance decides anew for each list, for a list for everybody too.
        self.assertGreater(len({tuple(ids(answer)[-2:]) for answer in given[4:16]}), 1)
        self.server.process.stop()
        recorded = impressions(self.server.folder)
        self.server.start()
        listed = lambda items: [(i["kind"], i["id"], i["source"], i["score"], struct.unpack("<f", struct.pack("<f", i["propensity"]))[0]) for i in items]
        flat = lambda answer: [item["item"] | {k: item[k] for k in ("source", "score", "propensity")} for item in answer["items"]]
        wanted = sorted((answer.get("person") or "", answer["model"], listed(flat(answer))) for answer in given)
        found = [(r["person"], r["model"], listed(r["items"])) for r in recorded]
        for one in wanted:
            self.assertIn(one, found)
            found.remove(one)
        own = [r for r in recorded if r["person"] == given[0]["person"]]
        self.assertEqual([(r["account"], r["place"]) for r in own], [("shop", "api"), ("shop", "api")])
        self.assertEqual(len({r["id"] for r in recorded}), len(recorded))
        for item in fresh:
            self.server.ok("DELETE", "/v1/items/article/" + item["id"])


class Models(unittest.TestCase):
    def test_without_a_model_lists_come_from_the_catalogue(self):
        server = Server(STEPPED).start()
        self.addCleanup(server.close)
        self.assertEqual(server.ok("GET", "/v1/recommend/popular"), {"items": [], "model": "none", "fallback": False})
        server.ok("POST", "/v1/items", [article(id) for id in ARTICLES])
        answer = server.ok("GET", "/v1/recommend/user_id:shop:x?n=3")
        self.assertEqual((answer["model"], answer["fallback"], [i["source"] for i in answer["items"]]), ("none", True, ["fresh"] * 3))

    @unittest.skipIf("POSTGRES_URL" in os.environ, "the models lie on the server, not in a file")
    def test_a_model_that_was_cut_short_is_refused_and_the_old_one_serves_on(self):
        server = filled(Server(STEPPED).start())
        self.addCleanup(server.close)
        ask = lambda: server.send("GET", "/v1/recommend/similar/article/tea-1?n=3")
        before = ask().json
        self.assertEqual(before["model"], "recommend-1")
        train(server, model="ease")
        with sqlite3.connect(server.folder / "data/state.db", timeout=30) as state:  # before anybody asked for it
            state.execute("UPDATE model SET artefact = substr(artefact, 1, length(artefact) - 10) WHERE id = 'recommend-2'")
        self.assertEqual(ask().json, before)
        self.assertEqual(ask().json, before)
        refused = server.send("POST", "/v1/models/recommend-2/activate")
        self.assertGreaterEqual(refused.status, 500, refused.body)
        self.assertIn("recommend-2", refused.json["detail"])
        self.assertEqual(ask().json, before)
        damaged = server.cli("model", "verify", check=False)
        self.assertNotEqual(damaged.returncode, 0)
        self.assertIn("recommend-2", damaged.stderr)
        # After a restart there is no old one to serve on: the answer says why, and going back helps.
        server.restart()
        nothing = ask()
        self.assertGreaterEqual(nothing.status, 500, nothing.body)
        self.assertIn("recommend-2", nothing.json["detail"])
        server.ok("POST", "/v1/models/recommend/rollback")
        self.assertEqual(ask().json, before)

    def test_what_cannot_be_trained_says_so(self):
        server = Server(STEPPED).start()
        self.addCleanup(server.close)
        for body, field in (({"k": 0}, "k"), ({"lambda": "big"}, "lambda"), ({"lamda": 1}, "lamda"), ({"factors": 1e9}, "factors")):
            answer = server.send("POST", "/v1/train/recommend", body)
            self.assertEqual((answer.status, answer.json.get("field")), (400, field), answer.body)
        answer = server.send("POST", "/v1/train/recommend", {"model": "oracle"})
        self.assertEqual((answer.status, answer.json.get("field")), (400, "model"), answer.body)
        self.assertIn("ease", answer.json["detail"])

    def test_an_unknown_parameter_of_an_evaluation_ends_with_the_names_that_there_are(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="zhiyin-evaluate-"))
        (folder / "train.csv").write_text("userID,itemID\nu1,a\nu1,b\nu2,a\nu2,c\n")
        (folder / "test.csv").write_text("userID,itemID\nu1,c\n")
        files = ("--train", folder / "train.csv", "--test", folder / "test.csv")
        for arguments, words in ((("--model", "ease", "--param", "lamda=3"), ("param lamda", "lambda, recency, neighbours")),
                                 (("--model", "popular", "--param", "k=3"), ("param k", "popular has no parameters")),
                                 (("--model", "itemknn", "--param", "k=many"), ("param k", "'many' is not a number")),
                                 (("--model", "oracle"), ("model", "itemknn, rp3beta, ease, ials, popular"))):
            done = cli("evaluate", "recommend", *files, *arguments, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            for word in words:
                self.assertIn(word, done.stderr)
        (folder / "test.csv").write_text("userID,itemID\nu1\n")
        done = cli("evaluate", "recommend", *files, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("line 2", done.stderr)


if __name__ == "__main__":
    main()
