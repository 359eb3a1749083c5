"""Models of pairs from the command line and over HTTP: by path, by name in an installation, the one that comes with the program, mistakes."""
import json
import pathlib
import random
import tempfile
import unittest

from harness import Server, cli, main

SUBJECTS = ["退款", "发货", "发票", "密码", "地址", "优惠券"]


def questions(rows, seed=1):
    r = random.Random(seed)
    out = []
    for i in range(rows):
        subject, other = r.sample(SUBJECTS, 2)
        sides = [f"{r.choice(['怎么查', '如何看', '请问'])}{r.randrange(1000)}{word}{r.choice(['？', '呢', ''])}"
                 for word in (subject, subject if i % 2 else other)]
        out.append(f"{i % 2}\t{sides[0]}\t{sides[1]}\n")
    return "".join(out)


class Pairs(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="zhiyin-pairs-"))
        self.train = self.folder / "train.tsv"
        self.train.write_text(questions(300))
        self.model = self.folder / "p.zym"

    def trained(self, output, *more):
        return cli("train", "text", "--task", "pair", "--train", self.train, "--features", "ngram", "--output", output, "--json", *more)

    def test_a_model_is_a_file_that_evaluates_and_classifies(self):
        held = self.folder / "held.tsv"
        held.write_text("label\ta\tb\n" + questions(100, seed=2))
        report = self.trained(self.model, "--validation", held)
        self.assertEqual((report["task"], report["rows"], report["encoder_values"]), ("pair", 300, 0))
        again = self.folder / "again.zym"
        self.trained(again)
        self.assertEqual(self.model.read_bytes(), again.read_bytes())
        measured = cli("evaluate", "classify", "--model", self.model, "--data", held, "--json")
        self.assertEqual(measured["metrics"], report["validation"]["metrics"])
        self.assertGreater(measured["metrics"]["auc"], 0.9)
        low, high = measured["intervals"]["auc"]
        self.assertTrue(low <= measured["metrics"]["auc"] <= high)
        self.assertTrue(measured["header_skipped"])
        self.assertEqual(measured["classes"], ["different", "same"])
        self.assertIsNone(measured["baseline"]["cosine"])
        file = self.folder / "in.tsv"
        file.write_text("怎么查1退款\t请问2退款呢\n没有制表符\n怎么查1退款\t请问2密码呢\n")
        done = cli("classify", "--model", self.model, "--input", file, "--json", check=False)
        self.assertEqual(done.returncode, 2)
        out = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([o.get("label") for o in out], ["same", None, "different"])
        self.assertEqual(out[1]["error"]["field"], "line 2")
        self.assertEqual(set(out[0]), {"label", "confidence", "scores", "rejected", "cosine", "familiarity", "unfamiliar"})
        self.assertAlmostEqual(sum(out[0]["scores"].values()), 1)

    def test_mistakes_are_named(self):
        bad = self.folder / "bad.tsv"
        bad.write_text("1\ta\tb\nyes\ta\tb\n")
        done = cli("train", "text", "--task", "pair", "--train", bad, "--output", self.model, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("line 2 begins with 'yes'", done.stderr)
        done = cli("train", "text", "--task", "pair", "--train", self.train, "--calibration", "isotonic", "--output", self.model, check=False)
        self.assertIn("--calibration", done.stderr)

    def test_the_one_that_comes_with_the_program(self):
        file = self.folder / "in.tsv"
        file.write_text("花呗怎么还款\t花呗如何还钱\n花呗怎么还款\t今天天气怎么样\n")
        done = cli("classify", "--model", "pair", "--input", file, "--json", check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        first, second = (json.loads(line) for line in done.stdout.splitlines())
        self.assertGreater(first["scores"]["same"], second["scores"]["same"])
        self.assertEqual(second["label"], "different")

    def test_by_name_and_over_http(self):
        server = Server().start()
        try:
            self.trained(self.model)
            self.assertEqual(server.cli("model", "install", self.model, "--name", "asked", "--json")["id"], "asked-1")
            info = server.cli("model", "info", "asked", "--json")
            self.assertEqual(info["classifier"]["task"], "pair")
            server.cli("model", "verify", "--json")
            pairs = [{"first": "怎么查1退款", "second": "请问2退款呢"}, {"first": "", "second": "x"}]
            found = server.ok("POST", "/v1/similarity", {"pairs": pairs, "model": "asked"})
            self.assertEqual((found["version"], found["items"][0]["label"]), ("asked-1", "same"))
            self.assertEqual(found["items"][1]["error"]["field"], "pairs[1].first")
            why = server.ok("POST", "/v1/similarity", {"pairs": pairs[:1], "model": "asked", "explain": 2})["items"][0]["why"]
            self.assertEqual(len(why["terms"]), 2)
            drift = server.ok("GET", "/v1/models/asked/drift?window=last")
            self.assertEqual((drift["version"], drift["texts"], drift["alert"]["state"]), ("asked-1", 2, "idle"))
            self.trained(self.model, "--seed", "7")
            self.assertEqual(server.cli("model", "install", self.model, "--name", "asked", "--inactive", "--json")["id"], "asked-2")
            server.ok("POST", "/v1/models/asked-2/shadow", {})
            self.assertEqual(server.ok("POST", "/v1/similarity", {"pairs": pairs[:1], "model": "asked"})["version"], "asked-1")
            report = server.ok("GET", "/v1/models/asked/shadow")
            self.assertEqual((report["version"], report["shadow"], report["of"], report["agreement"]["texts"]), ("asked-1", "asked-2", "pairs", 1))
            self.assertLess(report["agreement"]["score_difference"], 0.5)
            self.assertEqual(server.ok("GET", "/v1/models?with=all")["shadows"], [report])
            server.ok("DELETE", "/v1/models/asked/shadow")
            found = server.ok("POST", "/v1/similarity", {"pairs": pairs})
            self.assertTrue(found["version"].startswith("pair@"))
            shipped = {one["kind"]: one for one in server.ok("GET", "/v1/models?with=all")["shipped"]}
            self.assertEqual(shipped["pair"]["classes"], ["different", "same"])
            self.assertIn("| accuracy |", shipped["pair"]["card"])
            self.assertEqual(server.send("POST", "/v1/similarity", {"pairs": pairs, "model": "sentiment"}).json["field"], "model")
            self.assertEqual(server.send("POST", "/v1/similarity", {"pairs": []}).status, 400)
            refused = server.send("POST", "/v1/analyze", {"texts": ["x"], "tasks": ["pair"]})
            self.assertEqual(refused.json["field"], "tasks[0]")
        finally:
            server.close()


if __name__ == "__main__":
    main()
