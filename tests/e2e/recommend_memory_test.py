"""Histories in memory (recommend.people_memory_mb): whatever happens, lists are those of an installation that reads state for each."""
import random
import unittest

from harness import STEPPED, Server, main
from recommend_routes_test import ARTICLES, did, filled

WITHOUT = STEPPED + "[recommend]\npeople_memory_mb = 0\n"


def settle(server):
    server.settled_total()


class HistoriesInMemory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.servers = [filled(Server(STEPPED).start()), filled(Server(WITHOUT).start())]

    @classmethod
    def tearDownClass(cls):
        for server in cls.servers:
            server.close()

    def does(self, *events):
        for server in self.servers:
            server.ok("POST", "/v1/events", list(events))
            settle(server)

    def lists(self, person, query="n=5"):
        out = []
        for server in self.servers:
            for _ in range(2):  # the second time from memory
                answer = server.send("GET", f"/v1/recommend/{person}?{query}")
                body = answer.json
                # Ids are an installation's own.
                out.append((answer.status, {k: v for k, v in body.items() if k not in ("person", "impression")}))
        self.assertTrue(all(one == out[0] for one in out), (person, query, out))
        return out[0][1]

    def ids(self, person):
        return [i["item"]["id"] for i in self.lists(person, "n=5&kind=article")["items"]]

    def erase(self, person):
        for server in self.servers:
            server.send("DELETE", f"/v1/people/{person}")

    def test_an_event_changes_the_next_list(self):
        self.does(did("eva", "tea-1"))
        before = self.ids("user_id:shop:eva")
        self.does(did("eva", before[0]))
        self.assertNotIn(before[0], self.ids("user_id:shop:eva"))

    def test_not_interested_changes_it_before_its_event_has_arrived(self):
        self.does(did("ida", "tea-1"))
        first = self.ids("user_id:shop:ida")[0]
        for server in self.servers:
            server.ok("POST", "/v1/recommend/feedback", {"person": "user_id:shop:ida", "item": {"kind": "article", "id": first}, "kind": "not_interested"})
        self.assertNotIn(first, self.ids("user_id:shop:ida"))

    def test_two_that_become_one_share_their_history(self):
        self.does(did("max", "tea-1"), did("moritz", "coffee-1"))
        self.ids("user_id:shop:max"), self.ids("user_id:shop:moritz")
        both = did("max", "tea-2") | {"identities": [{"kind": "user_id", "value": "max"}, {"kind": "user_id", "value": "moritz"}]}
        self.does(both)
        listed = self.ids("user_id:shop:moritz")
        self.assertEqual(listed, self.ids("user_id:shop:max"))
        for seen in ("tea-1", "tea-2", "coffee-1"):
            self.assertNotIn(seen, listed)

    def test_who_was_erased_is_nobody(self):
        self.does(did("uwe", "tea-1"))
        self.assertFalse(self.lists("user_id:shop:uwe")["fallback"])
        self.erase("user_id:shop:uwe")
        after = self.lists("user_id:shop:uwe")
        self.assertTrue(after["fallback"])
        self.assertEqual(after["items"], self.lists("user_id:shop:never")["items"])

    def test_an_item_that_is_hidden_goes_at_once(self):
        self.does(did("leo", "tea-1"))
        first = self.ids("user_id:shop:leo")[0]
        for server in self.servers:
            server.ok("POST", f"/v1/items/article/{first}/hide")
        self.assertNotIn(first, self.ids("user_id:shop:leo"))
        for server in self.servers:
            server.ok("POST", f"/v1/items/article/{first}/unhide")

    def test_whatever_happens(self):
        chance = random.Random(7)
        people = [f"r{i}" for i in range(6)]
        for step in range(40):
            deed, who = chance.random(), chance.choice(people)
            if deed < 0.5:
                kind = chance.choice(["read", "like", "share", "hide", "show"])
                self.does(*(did(chance.choice(people), chance.choice(ARTICLES), kind) for _ in range(chance.randint(1, 3))))
            elif deed < 0.6:
                two = [{"kind": "user_id", "value": v} for v in chance.sample(people, 2)]
                self.does(did(who, chance.choice(ARTICLES)) | {"identities": two})
            elif deed < 0.7:
                self.erase(f"user_id:shop:{who}")
            with self.subTest(step=step):
                for one in chance.sample(people, 3):
                    self.lists(f"user_id:shop:{one}", chance.choice(["n=5", "n=3&diversity=0.4&author_max=1", "n=4&account=shop&explain=true"]))


if __name__ == "__main__":
    main()
