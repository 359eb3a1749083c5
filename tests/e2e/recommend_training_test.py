"""Trainings of the recommender: by the clock, measured beside the version in use, kept back when they are worse."""
import datetime
import pathlib
import subprocess
import tempfile
import time
import unittest

from harness import ENVIRONMENT, PROGRAM, STEPPED, Server, cli, main
from recommend_routes_test import did

GROUPS, ITEMS, PEOPLE = 5, 12, 150


class Trained(unittest.TestCase):
    """People of five groups read the articles of their group, each in an order of their own."""

    def setUp(self):
        self.server = Server(STEPPED + '[recommend]\ntrain_at = "04:00"\n').start()
        self.addCleanup(self.server.close)
        self.now = datetime.datetime(2026, 1, 5, tzinfo=datetime.timezone(datetime.timedelta(hours=8)))
        self.rounds = 0
        self.clock(minutes=1)  # the first look at the clock only notes the day

    def clock(self, **by):
        self.now += datetime.timedelta(**by)
        self.server.ok("POST", "/v1/clock", {"to": self.now.isoformat()})

    def read(self, rounds=1):
        for _ in range(rounds):
            step = lambda p: (p * 7 + self.rounds * (1 + 4 * (p % 2))) % ITEMS
            self.server.ok("POST", "/v1/events", [did(f"p{p}", f"g{p % GROUPS}-{step(p)}") for p in range(PEOPLE)])
            self.rounds += 1
            self.clock(minutes=20)

    def versions(self):
        return self.server.ok("GET", "/v1/models?kind=recommend")["items"]

    def nightly(self):
        """The newest of them."""
        newest = [run for run in self.server.ok("GET", "/v1/runs")["items"] if run["kind"] == "train recommend"][0]
        return self.server.ok("GET", f"/v1/runs/{newest['id']}")

    def test_each_night_and_kept_back_when_it_is_worse(self):
        self.read(rounds=6)
        self.assertEqual(self.versions(), [])
        self.clock(days=1)
        first = self.versions()[0]
        metrics = first["metrics"]
        self.assertEqual((first["id"], first["active"], metrics["promoted"], metrics["not_worse"]), ("recommend-1", True, True, True))
        self.assertEqual((metrics["people"], metrics["interactions"]), (PEOPLE, 6 * PEOPLE))
        self.assertEqual((metrics["people_measured"], metrics["held_out_likings"]), (PEOPLE, PEOPLE))
        low, high = metrics["intervals"]["ndcg"]
        self.assertTrue(low < metrics["ndcg"] < high)
        self.assertNotIn("in_use", metrics)
        # Of what was liked since it learnt, the later half is asked of both.
        self.read(rounds=2)
        self.clock(days=1)
        second = self.versions()[0]
        metrics = second["metrics"]
        self.assertEqual((second["id"], second["active"], metrics["in_use"], metrics["in_use_retrained"]), ("recommend-2", True, "recommend-1", False))
        self.assertEqual((metrics["held_out_likings"], metrics["people_measured"]), (PEOPLE, PEOPLE))
        low, high = metrics["intervals"]["ndcg_gain"]
        self.assertTrue(low <= metrics["ndcg_gain"] <= high)
        # Nothing new: nothing is learnt, and nothing fails.
        self.clock(days=1)
        self.assertEqual([v["id"] for v in self.versions()], ["recommend-2", "recommend-1"])
        self.assertIn("nothing was liked since recommend-2", self.nightly()["result"]["skipped"])
        # A poor one is stored with its figures, and does not serve.
        poor = ("train", "recommend", "--model", "rp3beta", "--k", "1", "--beta", "10", "--factors", "0", "--json")
        told = self.server.cli(*poor)
        self.assertEqual((told["model"], told["active"], told["promoted"], told["metrics"]["not_worse"]), ("recommend-3", False, False, False))
        self.assertTrue(told["metrics"]["in_use_retrained"])
        self.assertLess(told["metrics"]["intervals"]["ndcg_gain"][1], 0)
        self.assertEqual(self.server.ok("GET", "/v1/recommend/popular")["model"], "recommend-2")
        listed = self.server.cli("model", "list")
        for word in ("recommend-3", "ndcg_gain", "not_worse"):
            self.assertIn(word, listed)
        # Whoever insists gets it, and the night goes on with its settings.
        self.assertTrue(self.server.cli(*poor, "--promote", "always")["active"])
        self.read()
        self.clock(days=1)
        night = self.versions()[0]
        self.assertEqual((night["settings"]["algorithm"], night["settings"]["k"], night["metrics"]["in_use"]), ("rp3beta", 1, "recommend-4"))
        self.server.ok("POST", "/v1/models/recommend-2/activate")
        self.assertEqual(self.server.ok("GET", "/v1/recommend/popular")["model"], "recommend-2")
        self.server.restart()
        self.assertEqual(self.server.ok("GET", "/v1/recommend/popular")["model"], "recommend-2")

    def test_little_is_not_learnt_from_by_the_clock(self):
        self.server.ok("POST", "/v1/events", [did(f"p{i}", "a") for i in range(30)])
        self.clock(days=1)
        run = self.nightly()
        self.assertEqual(run["state"], "done")
        self.assertIn("30 items liked by 30 people, at least 200", run["result"]["skipped"])
        self.assertEqual(self.versions(), [])
        refused = self.server.send("POST", "/v1/train/recommend", {"promote": "perhaps"})
        self.assertEqual((refused.status, refused.json["field"]), (400, "promote"))


class Evaluated(unittest.TestCase):
    """The installation's own events, split by time, are measured as a file of the same events is."""

    def test_own_events_and_a_file_of_them(self):
        server = Server(STEPPED + '[recommend]\ntrain_at = ""\n').start()
        self.addCleanup(server.close)
        begin = datetime.datetime(2025, 12, 1, tzinfo=datetime.timezone.utc)
        rows = []
        for day in range(20):
            for p in range(60):
                at = begin + datetime.timedelta(days=day, minutes=p)
                rows.append((f"p{p}", f"{p % 4}-{(p * 7 + day * (1 + 2 * (p % 2))) % 25}", at))
        few = server.cli("evaluate", "recommend", check=False)
        self.assertIn("there are no events", few.stderr)
        for at in range(0, len(rows), 400):
            server.ok("POST", "/v1/events", [did(p, item) | {"occurred_at": when.isoformat()} for p, item, when in rows[at:at + 400]])
        # What carries a message, and what is no liking, does not count.
        server.ok("POST", "/v1/events", [did(f"p{p}", "c", item_kind="campaign") for p in range(30)] + [did(f"p{p}", "3-1", kind="hide") for p in range(30)])
        command = ("evaluate", "recommend", "--model", "ease", "--at", "5,10", "--json")
        own = server.cli(*command)
        self.assertEqual((own["protocol"], own["people"], own["items"]), ("time", 60, 100))
        self.assertEqual(own["split"]["events"], {"before": 1080, "after": 120})
        self.assertEqual(own["split"]["cut"], "2025-12-19T08:00:00+08:00")
        folder = pathlib.Path(tempfile.mkdtemp(prefix="zhiyin-evaluate-"))
        (folder / "events.csv").write_text("user,item,timestamp\n" + "".join(f"{p},article/{item},{int(when.timestamp())}\n" for p, item, when in rows))
        file = cli(*command, "--events", folder / "events.csv")
        self.assertEqual(file["split"], own["split"])
        for name, value in file["metrics"].items():
            self.assertAlmostEqual(value, own["metrics"][name], 12)
        week = server.cli(*command, "--cut", "7d")
        self.assertEqual(week["split"]["events"]["after"], 421)
        self.assertEqual(server.cli(*command, "--cut", "2025-12-14", "--protocol", "time")["split"]["cut"], "2025-12-14T00:00:00+08:00")
        tuned = server.cli("evaluate", "recommend", "--model", "ease", "--tune", "--trials", "5", "--json")
        self.assertEqual((len(tuned["tried"]), tuned["split"]["validation_from"] < tuned["split"]["cut"]), (5, True))
        told = server.cli("evaluate", "recommend", "--model", "popular")
        for word in ("split at 2025-12-19", "1080 events of 60 people before, 120 after", "ndcg@10"):
            self.assertIn(word, told)
        self.assertIn("evaluate recommend", [run["kind"] for run in server.ok("GET", "/v1/runs")["items"]])
        for flags, words in ((("--cut", "soon"), "cut: 'soon' is neither"), (("--train", "x", "--protocol", "time"), "train: does not go with"),
                             (("--test", "x"), "train: is missing"), (("--protocol", "loo"), "train: is missing"), (("--cut", "2024-01-01"), "nothing is before"),
                             (("--param", "k=3"), "lambda, recency, neighbours"), (("--train", "x", "--test", "x", "--cut", "7d"), "cut: goes with")):
            done = server.cli("evaluate", "recommend", "--model", "ease", *flags, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(words, done.stderr)
        server.process.stop()
        self.assertEqual(server.cli(*command), own)


class Killed(unittest.TestCase):
    """kill -9 at any moment: the next training of the same settings goes on where the last one was."""

    def test_a_killed_training_goes_on(self):
        server = Server(STEPPED + '[recommend]\ncheckpoint_every = "0s"\ntrain_at = ""\n').start()
        self.addCleanup(server.close)
        events = [did(f"p{p}", f"i{(p * 31 + a * a * 7 + p % 11 * a) % 400}") for p in range(1500) for a in range(12)]
        for begin in range(0, len(events), 500):
            server.ok("POST", "/v1/events", events[begin:begin + 500])
        server.settled_total()
        body = {"model": "ease", "factors": 256, "promote": "always"}
        notes = lambda what: list((server.folder / "data/training").glob(f"*/{what}"))
        for stage in ("*.weights", "*.sweeps"):
            run = server.ok("POST", "/v1/train/recommend", body)["run"]
            while not notes(stage) and server.ok("GET", f"/v1/runs/{run}")["state"] in ("queued", "running"):
                time.sleep(0.005)  # the training writes it; it is killed right after
            server.kill()
            server.start()
            self.assertTrue(notes(stage), "the training was over before it could be killed")
            self.assertEqual(server.ok("GET", "/v1/models?kind=recommend")["items"], [])
        resumed = server.run_ended(server.ok("POST", "/v1/train/recommend", body)["run"])["result"]
        self.assertEqual(resumed["resumed"], True)
        self.assertEqual(notes("*"), [])
        again = server.run_ended(server.ok("POST", "/v1/train/recommend", body)["run"])["result"]
        self.assertEqual(again["resumed"], False)
        self.assertEqual(again["checksum"], resumed["checksum"])

    def test_a_killed_search_goes_on(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="zhiyin-tune-"))
        rows = [f"u{u},i{(u * 17 + a * a * 5) % 300}" for u in range(800) for a in range(10)]
        (folder / "train.csv").write_text("userID,itemID\n" + "\n".join(rows) + "\n")
        (folder / "test.csv").write_text("userID,itemID\n" + "".join(f"u{u},i{(u * 17 + 500) % 300}\n" for u in range(800)))
        (folder / "validation.csv").write_text("userID,itemID\n" + "".join(f"u{u},i{(u * 17 + 605) % 300}\n" for u in range(800)))
        arguments = ["evaluate", "recommend", "--train", folder / "train.csv", "--validation", folder / "validation.csv", "--test", folder / "test.csv",
                     "--model", "ials", "--param", "iterations=30", "--tune", "--trials", "6", "--json"]
        notes = folder / "notes.jsonl"
        child = subprocess.Popen([PROGRAM, *map(str, arguments), "--notes", str(notes)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
        while child.poll() is None and (not notes.exists() or notes.read_bytes().count(b"\n") < 2):
            time.sleep(0.005)
        self.assertIsNone(child.poll(), "the search was over before it could be killed")
        child.kill()
        child.wait()
        kept = notes.read_bytes().rpartition(b"\n")[0]
        resumed = cli(*arguments, "--notes", notes)
        self.assertTrue(notes.read_bytes().startswith(kept))
        whole = cli(*arguments)
        self.assertEqual((resumed["tried"], resumed["metrics"]), (whole["tried"], whole["metrics"]))


if __name__ == "__main__":
    main()
