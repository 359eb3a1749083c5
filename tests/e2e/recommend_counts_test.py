"""Counts kept between trainings (recommend.keep_counts): whatever happens, models are those of an installation that counts anew each time."""
import os
import random
import unittest

from harness import STEPPED, Server, main
from recommend_routes_test import did

KEEPS = STEPPED + '[recommend]\ntrain_at = ""\n'
ANEW = KEEPS + "keep_counts = false\n"
ITEMS = 30


class CountsThatStay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.environ.get("POSTGRES_URL"):
            raise unittest.SkipTest("counts are not kept where several processes may share the state")
        cls.servers = [Server(KEEPS).start(), Server(ANEW).start()]
        cls.file = cls.servers[0].folder / "data/training/pair_counts"

    @classmethod
    def tearDownClass(cls):
        for server in cls.servers:
            server.close()

    def does(self, *events):
        for server in self.servers:
            server.ok("POST", "/v1/events", list(events))
            server.settled_total()

    def erase(self, person):
        for server in self.servers:
            server.send("DELETE", f"/v1/people/user_id:shop:{person}")

    def trained(self, **settings):
        """What the night changed of the counts; both installations have the same bytes."""
        results = []
        for server in self.servers:
            run = server.run_ended(server.ok("POST", "/v1/train/recommend", {"model": "ease", "factors": 0, "promote": "always"} | settings)["run"])
            self.assertEqual(run["state"], "done", run)
            results.append(run["result"])
        self.assertEqual(results[0]["checksum"], results[1]["checksum"])
        self.assertIsNone(results[1]["rows_changed"])
        self.assertFalse((self.servers[1].folder / "data/training/pair_counts").exists())
        return results[0]["rows_changed"]

    def test_whatever_happens(self):
        chance = random.Random(11)
        some = lambda: did(f"p{chance.randrange(80)}", f"i{chance.randrange(ITEMS)}", chance.choice(["read", "like", "share"]))
        self.does(*(some() for _ in range(500)))
        self.assertIsNone(self.trained())
        self.assertEqual(self.trained(), 0)
        # New people and items.
        self.does(did("new", "i1"), did("new", "i2"), did("newer", "i1"))
        self.assertEqual(self.trained(), 2)
        # Two that turn out to be one.
        two = [{"kind": "user_id", "value": v} for v in ("new", "p3")]
        self.does(did("new", "i5") | {"identities": two})
        self.assertEqual(self.trained(), 2)
        # Erased: the file has forgotten already when the next training looks.
        before = self.file.read_bytes()
        self.erase("newer")
        after = self.file.read_bytes()
        self.assertEqual(len(after), len(before))
        self.assertNotEqual(after, before)
        self.assertEqual(self.trained(), 0)
        for night in range(6):
            for _ in range(chance.randrange(4)):
                self.does(some(), some())
            if chance.random() < 0.5:
                self.erase(f"p{chance.randrange(80)}")
            with self.subTest(night=night):
                self.assertLess(self.trained(), 12)
        # Damaged: passed over, said, and made anew.
        self.file.write_bytes(self.file.read_bytes()[:-9])
        self.assertIsNone(self.trained())
        self.assertIn("counts_passed_over", (self.servers[0].folder / "server.log").read_text())
        self.assertEqual(self.trained(), 0)
        # It outlives the process, killed or not.
        self.servers[0].kill()
        self.servers[0].start()
        self.assertEqual(self.trained(), 0)
        # Whoever trains something else keeps no counts of people.
        self.trained(model="itemknn")
        self.assertFalse(self.file.exists())
        self.assertIsNone(self.trained())


if __name__ == "__main__":
    main()
