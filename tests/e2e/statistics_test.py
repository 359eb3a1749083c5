"""The statistics commands as others call them, on published examples and on real data where they are."""
import csv
import gzip
import json
import pathlib
import tempfile
import unittest

from harness import cli, main, shared_data

WOMENS, MENS, NONE = "Womens E-Mail", "Mens E-Mail", "No E-Mail"
FEATURES = "recency,history,mens,womens,zip_code,newbie,channel"


class Statistics(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="zhiyin-statistics-"))

    def file(self, name, content):
        path = self.folder / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def test_compare_by_flags_and_by_file_is_the_same(self):
        arms = [{"name": "A", "n": 3000, "sum": 1396}, {"name": "B", "n": 3461, "sum": 2422}]
        by_flags = cli("stats", "compare", "--arms", self.file("list.json", arms), "--method", "sequential", "--relative",
                       "--metric", "proportion", "--tuning", "5000", "--json")
        by_file = cli("stats", "compare", "--arms", self.file("input.json", {
            "effect": "relative", "method": "sequential", "kind": "proportion", "tuning": 5000, "arms": arms}), "--json")
        self.assertEqual(by_flags, by_file)
        self.assertAlmostEqual(by_flags["estimate"], 0.50386, 5)
        self.assertAlmostEqual(by_flags["interval"][0], 0.40098, 5)
        bayesian = cli("stats", "compare", "--arms", self.file("b.json", arms), "--method", "bayesian", "--prior", "0,0.3",
                       "--relative", "--json")
        self.assertGreater(bayesian["chance_to_win"], 0.99)
        one = cli("stats", "compare", "--arms", self.file("c.json", arms), "--one-sided", "greater", "--json")
        self.assertIsNone(one["interval"][1])

    def test_plans_and_assignment_from_flags(self):
        power = cli("stats", "power", "--mean", "10", "--variance", "3909.99977", "--users", "400000", "--arms", "3",
                    "--effect-size", "0.05", "--json")
        self.assertAlmostEqual(power["power"], 0.52144, 5)
        assigned = cli("stats", "assign", "--seed", "seed", "--units", "a", "--json")
        self.assertEqual(assigned["units"][0]["hash"], 0.0505)
        first = cli("stats", "assign", "--seed", "", "--units", "a", "--hash", "1", "--json")
        self.assertEqual(first["units"][0]["hash"], 0.22)

    def test_mistakes_name_what_is_wrong(self):
        series = self.file("s.csv", "time,value\n2026-01-02,1\n2026-01-01,2\n")
        for arguments, words in [
                (("stats", "compare"), "arms"),
                (("stats", "compare", "--arms", self.file("x.json", {"arms": [{"name": "a", "n": 3, "sum": 9}]})), "arms"),
                (("stats", "detect", "--series", series, "--method", "esd"), "row 2"),
                (("stats", "detect", "--series", series, "--method", "esd", "--value", "count"), "there are: time, value"),
                (("stats", "power", "--mean", "ten"), "--mean"),
                (("stats", "ope", "--log", self.file("l.csv", "action,reward,propensity\na,1,0\nb,0,0.5\n"), "--policy", "uniform"),
                 "propensity"),
                (("value", "fit", "--model", "bgnbd", "--data", self.file("o.csv", "frequency,recency,T\n1,5,4\n")), "recency"),
                (("value", "fit", "--model", "xyz", "--data", series), "bgnbd"),
                (("stats", "detect", "--series", self.file("b.csv", b"time,value\n1,\xff\n"), "--method", "esd"), "not UTF-8"),
                (("stats", "did", "--data", self.file("d.csv", "after,after,treatment,outcome\n0,1,0,5\n")), "two columns 'after'"),
                (("stats", "its", "--series", self.file("i.csv", "time,value\n1,2\n2,3\n"), "--start", "9"), "start"),
                (("stats", "synthetic", "--data", self.file("y.csv", "time,a,b\n1,2,3\n"), "--treated", "c", "--start", "1"), "there are: time, a, b"),
                (("stats", "attribution", "--paths", self.file("a.csv", "path,conversions\na,x\n")), "row 1"),
                (("stats", "srm", "--arms", self.file("n.json", [{"name": "a", "n": 0, "weight": 1}, {"name": "b", "n": 0, "weight": 1}])), "no users")]:
            failed = cli(*arguments, check=False)
            self.assertEqual(failed.returncode, 2, (arguments, failed.stderr))
            self.assertIn(words, failed.stderr)

    def test_effects_without_random_assignment(self):
        rows = "treatment,after,outcome\n" + "".join(
            f"{w},{t},{10 + 2 * w + t + 3 * w * t + k % 3}\n" for w in (0, 1) for t in (0, 1) for k in range(30))
        did = cli("stats", "did", "--data", self.file("did.csv", rows), "--json")
        self.assertAlmostEqual(did["estimate"], 3, 9)
        series = "time,value\n" + "".join(f"{t},{5 + t + (4 if t >= 20 else 0) + t * 7 % 3}\n" for t in range(40))
        its = cli("stats", "its", "--series", self.file("its.csv", series), "--start", "20", "--json")
        self.assertAlmostEqual(its["level"]["estimate"], 4, 0)
        paths = self.file("paths.csv", "path,conversions,lost\na > b,2,1\nb,1,4\n")
        credit = cli("stats", "attribution", "--paths", paths, "--rule", "shapley", "--total", "30", "--json")
        self.assertEqual([(c["name"], c["credit"]) for c in credit["channels"]], [("b", 20), ("a", 10)])

    def uplift(self, treated, outcome):
        return cli("stats", "uplift", "--data", shared_data("measurement/hillstrom.csv.gz"), "--treatment", "segment",
                   "--treated", treated, "--control", NONE, "--outcome", outcome, "--features", FEATURES, "--json")

    def test_hillstrom_rates_are_exact_and_only_the_womens_mail_has_uplift_to_find(self):
        womens = self.uplift(WOMENS, "visit")
        self.assertAlmostEqual(womens["all"]["treated_mean"], 0.151400, 6)
        self.assertAlmostEqual(womens["all"]["control_mean"], 0.106167, 6)
        self.assertGreater(womens["top"]["uplift"], 0.066)
        self.assertTrue(womens["evidence"])
        mens = self.uplift(MENS, "visit")
        self.assertAlmostEqual(mens["all"]["treated_mean"], 0.182757, 6)
        self.assertFalse(mens["evidence"])
        self.assertIn("No evidence", mens["plain"]["en"])
        self.assertFalse(self.uplift(WOMENS, "conversion")["evidence"])

    def test_the_uniform_log_gives_its_own_rate(self):
        source = shared_data("measurement/open-bandit/random_men.csv.gz")
        with gzip.open(source, "rt", newline="") as rows:
            clicks = [int(row["click"]) for row in csv.DictReader(rows)]
        rate = sum(clicks) / len(clicks)
        for estimator in ("ips", "snips", "clipped"):
            out = cli("stats", "ope", "--log", source, "--estimator", estimator, "--reward", "click", "--propensity",
                      "propensity_score", "--action", "item_id", "--policy", "uniform", "--clip", "100", "--json")
            self.assertAlmostEqual(out["estimate"], rate, 12)
            self.assertAlmostEqual(out["se"], (rate * (1 - rate) / len(clicks)) ** 0.5, 6)
        doubly = cli("stats", "ope", "--log", source, "--estimator", "dr", "--reward", "click", "--propensity",
                     "propensity_score", "--action", "item_id", "--policy", "uniform", "--json")
        self.assertLess(doubly["interval"][0], rate)
        self.assertGreater(doubly["interval"][1], rate)
        one = cli("stats", "ope", "--log", source, "--reward", "click", "--propensity", "propensity_score", "--action", "item_id",
                  "--policy", "0", "--effective-min", "1000", "--json")
        self.assertIn("refused", one)


if __name__ == "__main__":
    main()
