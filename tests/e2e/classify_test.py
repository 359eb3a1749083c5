"""Classifiers of texts from the command line: by path, by name in an installation, mistakes, and quality beside scikit-learn on one fold."""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

from harness import PROGRAM, Server, cli, main, shared_data

ROOT = pathlib.Path(__file__).resolve().parents[2]


def reviews(rows, seed=1):
    r = random.Random(seed)
    telling = {"好": ["很好吃", "送得快", "会再来"], "坏": ["太难吃", "送得慢", "再也不来"]}
    out = []
    for i in range(rows):
        label = "好坏"[i % 2]
        out.append(f"{label}\t{r.choice(['今天', '外卖', '老板'])}{r.choice(telling[label])}{r.choice(['，', '。', '!'])}\n")
    return "".join(out)


class Classify(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="zhiyin-classify-"))
        self.train = self.folder / "train.tsv"
        self.train.write_text(reviews(200))
        self.model = self.folder / "m.zym"

    def trained(self, output, *more):
        return cli("train", "text", "--task", "classify", "--train", self.train, "--features", "ngram", "--output", output, "--json", *more)

    def lines(self, model, text, *more, **keywords):
        file = self.folder / "in.txt"
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
        done = cli("classify", "--model", model, "--input", file, "--json", *more, check=False, **keywords)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    def test_a_model_is_a_file_that_evaluates_and_classifies(self):
        held = self.folder / "held.tsv"
        held.write_text(reviews(60, seed=2))
        report = self.trained(self.model, "--validation", held)
        self.assertEqual(report["rows"], 200)
        self.assertEqual(report["classes"], ["坏", "好"])
        again = self.folder / "again.zym"
        self.trained(again)
        self.assertEqual(self.model.read_bytes(), again.read_bytes())
        measured = cli("evaluate", "classify", "--model", self.model, "--data", held, "--json")
        self.assertEqual(measured["rows"], 60)
        self.assertEqual(measured["metrics"], report["validation"]["metrics"])
        self.assertGreater(measured["metrics"]["accuracy"], 0.95)
        low, high = measured["intervals"]["accuracy"]
        self.assertLess(low, measured["metrics"]["accuracy"] + 1e-12)
        self.assertGreater(high, 0.95)
        self.assertEqual(sum(map(sum, measured["confusion"])), 60)
        code, out = self.lines(self.model, "外卖很好吃\n\nzzz\n太难吃", "--explain", "2")
        self.assertEqual(code, 0)
        self.assertEqual([o["label"] for o in out][::3], ["好", "坏"])
        self.assertEqual([o["rejected"] for o in out], [False, True, True, False])
        self.assertAlmostEqual(sum(out[0]["scores"].values()), 1)
        self.assertEqual(len(out[0]["why"]["terms"]), 2)
        begin, end = out[0]["why"]["terms"][0]["spans"][0]
        self.assertEqual("外卖很好吃".encode()[begin:end].decode(), out[0]["why"]["terms"][0]["term"])

    def test_files_are_analysed_line_by_line(self):
        self.trained(self.model)
        file = self.folder / "lines.txt"
        file.write_text("外卖很好吃\n\n我叫王敏女士\n")
        done = cli("analyze", "--input", file, "--tasks", f"masked,{self.model}", check=False)
        out = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(done.returncode, 2)
        self.assertEqual([one.get("line") for one in out], [1, 2, 3, None])
        self.assertEqual(out[0]["m"]["label"], "好")
        self.assertEqual(out[1]["error"]["field"], "line 2")
        self.assertEqual(out[2]["masked"], "我叫王****女士")
        self.assertEqual(out[3]["lines"], 3)

    def test_a_line_that_is_no_text_is_named_and_the_rest_goes_on(self):
        self.trained(self.model)
        code, out = self.lines(self.model, "很好吃\n\udcff\n太难吃\n")
        self.assertEqual(code, 2)
        self.assertEqual([o.get("label") for o in out], ["好", None, "坏"])
        self.assertEqual(out[1]["error"]["field"], "line 2")

    def test_standard_input_is_a_file_too(self):
        self.trained(self.model)
        done = subprocess.run([PROGRAM, "classify", "--model", self.model, "--input", "-", "--json"], input="很好吃\n太难吃\n".encode(),
                              capture_output=True, check=True)
        self.assertEqual([json.loads(line)["label"] for line in done.stdout.decode().splitlines()], ["好", "坏"])

    def test_an_analysis_is_by_what_the_installation_uses(self):
        self.trained(self.model)
        installation = self.folder / "shop"
        cli("init", installation)
        config = ["--config", installation / "zhiyin.toml"]
        cli("model", "install", self.model, "--name", "sentiment", *config)
        file = self.folder / "lines.txt"
        file.write_text("很好吃\n" + "好" * 30_000 + "\n")
        done = cli("analyze", "--input", file, *config, check=False)
        out = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual((out[0]["sentiment"]["label"], out[0]["sentiment"]["version"]), ("好", "sentiment-1"))
        self.assertEqual(out[1]["error"]["field"], "line 2")

    def test_mistakes_are_named(self):
        def failed(*arguments):
            return cli(*arguments, check=False, cwd=self.folder)

        bad = self.folder / "bad.tsv"
        bad.write_text("好\t很好\n坏 不好\n")
        done = failed("train", "text", "--task", "classify", "--train", bad, "--output", self.model)
        self.assertEqual(done.returncode, 2)
        self.assertIn("bad.tsv: line 2 has no tab", done.stderr)
        self.assertEqual(failed("train", "text", "--task", "sort", "--train", bad, "--output", self.model).returncode, 2)
        self.assertEqual(failed("train", "text", "--task", "classify", "--train", self.folder / "none", "--output", self.model).returncode, 3)
        self.assertIn("--features: 'magic'", failed("train", "text", "--task", "classify", "--train", self.train, "--features", "magic", "--output",
                                                     self.model).stderr)
        done = failed("classify", "--model", "nobody", "--input", self.train)
        self.assertEqual(done.returncode, 3)
        self.assertIn("a path has a '/'", done.stderr)
        # Found before the training, not after it.
        for output, what in ((self.folder / "none/m.zym", "no folder"), (f"{self.folder}/", "is a folder"), ("reviews", "no installation")):
            done = failed("train", "text", "--task", "classify", "--train", self.train, "--features", "ngram", "--output", output)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(what, done.stderr)
            self.assertNotIn("training", done.stderr)
        # What is no encoder is named.
        folder = self.folder / "checkpoint"
        folder.mkdir()
        (folder / "config.json").write_text("{")
        for encoder in (self.train, folder):
            done = failed("embed", "--input", self.train, "--output", self.folder / "v.npy", "--encoder", encoder)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(str(encoder), done.stderr)
        # No other model answers because the settings' name was mistyped.
        done = failed("classify", "--model", "sentiment", "--input", self.train, "--config", self.folder / "none.toml")
        self.assertEqual(done.returncode, 3)
        self.assertIn("--config", done.stderr)
        self.model.write_bytes(b"ZYMD" + bytes(60))
        self.assertEqual(failed("classify", "--model", self.model, "--input", self.train).returncode, 9)

    def test_a_name_is_kept_by_the_installation_with_versions(self):
        server = Server().start()
        self.addCleanup(server.close)
        for version in (1, 2):
            report = server.cli("train", "text", "--task", "classify", "--train", self.train, "--features", "ngram", "--seed", version,
                                "--output", "reviews", "--json")
            self.assertEqual(report["model"], f"reviews-{version}")
        listed = server.cli("model", "list", "--json")["items"]
        self.assertEqual([(m["id"], m["active"]) for m in listed], [("reviews-2", True), ("reviews-1", False)])
        for name in ("reviews", "reviews-1"):
            measured = server.cli("evaluate", "classify", "--model", name, "--data", self.train, "--json")
            self.assertGreater(measured["metrics"]["accuracy"], 0.95)
        taken = cli("train", "text", "--task", "classify", "--train", self.train, "--output", "response", check=False)
        self.assertEqual(taken.returncode, 2)

    def test_quality_is_that_of_scikit_learn(self):
        shared_data("text/intent/smp2017_train.tsv")
        python = ROOT / "build/venv/bin/python"
        if not python.exists():
            self.skipTest("scikit-learn is not here (./dev setup makes the test environment)")
        code = "import sys; sys.path.insert(0, sys.argv[1]); import classify; worst = classify.bench(); sys.exit(0 if worst >= -0.3 else 1)"
        environment = dict(os.environ, BENCH_SETS="smp2017,news", BENCH_ROWS="4000", BENCH_FEATURES="ngram", ZHIYIN_PROGRAM=os.environ["ZHIYIN_PROGRAM"])
        done = subprocess.run([python, "-c", code, str(ROOT / "bench")], capture_output=True, text=True, env=environment)
        print(done.stdout, file=sys.stderr)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr[-2000:])


if __name__ == "__main__":
    main()
