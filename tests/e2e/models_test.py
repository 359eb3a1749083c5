"""Versions of classifiers on the command line: stored, looked at, compared, put to use, taken back, and found damaged."""
import pathlib
import sqlite3
import tempfile
import unittest

from harness import ROOT, cli, main

GOOD = ["很好吃", "味道很好", "送餐很快", "非常满意", "好吃不贵", "很喜欢", "包装很好", "服务很好"]
BAD = ["太难吃了", "送餐太慢", "味道很差", "非常失望", "又贵又难吃", "再也不来", "包装很差", "服务很差"]


class Models(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="zhiyin-models-"))
        cli("init", cls.folder)
        cls.config = ["--config", cls.folder / "zhiyin.toml"]
        for name, labels in (("one", ("好评", "差评")), ("two", ("好评", "投诉"))):
            data = cls.folder / f"{name}.tsv"
            data.write_text("".join(f"{labels[0]}\t{text}{tail}\n" for text in GOOD for tail in ("", "。", "！", "啊")) +
                            "".join(f"{labels[1]}\t{text}{tail}\n" for text in BAD for tail in ("", "。", "！", "啊")))
            cli("train", "text", "--task", "classify", "--features", "ngram", "--train", data, "--output", cls.folder / f"{name}.zym", "--json")
        cls.texts = cls.folder / "texts.txt"
        cls.texts.write_text("\n".join(GOOD[:3] + BAD[:1]) + "\n")

    def run_json(self, *arguments):
        return cli(*arguments, "--json", *self.config)

    def test_the_life_of_a_name(self):
        first = self.run_json("model", "install", self.folder / "one.zym", "--name", "reviews", "--licence", "CC-BY-4.0", "--data-from",
                              "2026-01-01", "--data-to", "2026-02-01")
        self.assertEqual((first["id"], first["active"]), ("reviews-1", True))
        second = self.run_json("model", "install", self.folder / "two.zym", "--name", "reviews", "--inactive")
        self.assertEqual((second["id"], second["active"]), ("reviews-2", False))

        info = self.run_json("model", "info", "reviews")
        self.assertEqual(info["id"], "reviews-1")
        self.assertEqual(info["licence"], "CC-BY-4.0")
        self.assertEqual(info["data_window"]["from"], "2025-12-31T16:00:00Z")
        self.assertEqual(sorted(info["classifier"]["classes"]), sorted(["好评", "差评"]))
        self.assertIn("reviews-2", [m["id"] for m in self.run_json("model", "list")["items"]])
        shown = cli("model", "list", *self.config).splitlines()
        self.assertEqual([line[:2].strip() + line.split("reviews-")[1][0] for line in shown if "reviews-" in line], ["2", "*1"])
        self.assertIn("accuracy", shown[0])

        diff = self.run_json("model", "diff", "reviews-1", "reviews-2", "--input", self.texts)
        self.assertFalse(diff["same_bytes"])
        self.assertIn("settings.licence", [d["path"] for d in diff["differences"]])
        self.assertEqual(diff["agreement"]["texts"], 4)
        self.assertEqual(diff["agreement"]["same"], 3)
        self.assertEqual(diff["agreement"]["changes"], [{"old": "差评", "new": "投诉", "texts": 1}])

        self.assertEqual(self.run_json("model", "promote", "reviews-2")["id"], "reviews-2")
        self.assertEqual(self.run_json("model", "info", "reviews")["id"], "reviews-2")
        self.assertEqual(self.run_json("model", "rollback", "reviews")["id"], "reviews-1")
        nothing_before = cli("model", "rollback", "reviews", *self.config, check=False)
        self.assertEqual(nothing_before.returncode, 3)

        self.assertEqual(len(self.run_json("model", "verify")["sound"]), 2)
        with sqlite3.connect(self.folder / "data/state.db") as state:
            state.execute("UPDATE model SET artefact = substr(artefact, 1, length(artefact) - 1) || x'00' WHERE id = 'reviews-2'")
        damaged = cli("model", "verify", *self.config, check=False)
        self.assertNotEqual(damaged.returncode, 0)
        self.assertIn("reviews-2", damaged.stderr)
        self.assertNotIn("reviews-1", damaged.stderr.splitlines()[-1])  # the lines before are progress
        self.assertEqual([m["id"] for m in self.run_json("model", "verify", "--id", "reviews")["sound"]], ["reviews-1"])
        refused = cli("model", "promote", "reviews-2", *self.config, check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertEqual(self.run_json("model", "info", "reviews")["id"], "reviews-1")

    def test_what_comes_with_the_program_is_known_beside_own_versions(self):
        shipped = {one["kind"]: one for one in self.run_json("model", "list")["shipped"]}
        self.assertLessEqual({"topic", "emotion", "intent"}, set(shipped))
        self.assertIn(shipped["topic"]["id"], cli("model", "list", *self.config))
        info = self.run_json("model", "info", "topic")
        self.assertEqual((info["id"], info["source"], info["active"], len(info["classifier"]["classes"])), (shipped["topic"]["id"], "shipped", False, 10))
        self.assertIsNone(info["stored_at"])
        self.assertGreater(info["metrics"]["metrics"]["accuracy"], 0.8)
        self.assertEqual(self.run_json("model", "info", "pair")["classifier"]["task"], "pair")
        # An own version takes the name; the shipped one keeps one of its own.
        self.run_json("model", "install", self.folder / "one.zym", "--name", "topic")
        self.assertEqual(self.run_json("model", "info", "topic")["id"], "topic-1")
        for name in ("topic@shipped", info["id"]):
            self.assertEqual(self.run_json("model", "info", name)["checksum"], info["checksum"])
        diff = self.run_json("model", "diff", "topic@shipped", "topic")
        self.assertEqual((diff["old"], diff["new"], diff["same_bytes"]), (info["id"], "topic-1", False))
        self.assertIn("classifier.classes", " ".join(d["path"] for d in diff["differences"]))
        copy = self.folder / "shipped.zym"
        self.assertEqual(self.run_json("model", "export", "topic@shipped", "--to", copy)["checksum"], info["checksum"])
        self.run_json("model", "install", copy, "--name", "copied")
        self.assertTrue(self.run_json("model", "diff", "topic@shipped", "copied")["same_bytes"])
        self.assertEqual([one["id"] for one in self.run_json("model", "verify", "--id", "topic@shipped")["sound"]], [info["id"]])
        for name in ("nobody", "nobody@shipped", "topic@00000000", "@shipped"):
            refused = cli("model", "info", name, *self.config, check=False)
            self.assertEqual(refused.returncode, 3, refused.stderr)
            self.assertIn("neither in the registry nor among those that come with the program", refused.stderr)
        self.assertEqual(cli("model", "promote", "topic@shipped", *self.config, check=False).returncode, 3)

    def test_joined_versions_are_compared_on_texts(self):
        if not list(ROOT.glob("build/*/models/encoder.zyen")):
            self.skipTest("no encoder (./dev setup)")
        own = self.folder / "own"
        cli("init", own)
        config = ["--config", own / "zhiyin.toml"]
        for name in ("one", "two"):
            cli("train", "text", "--task", "classify", "--train", self.folder / f"{name}.tsv", "--output", "joined", "--json", *config)
        diff = cli("model", "diff", "joined-1", "joined-2", "--input", self.texts, "--json", *config)
        self.assertEqual((diff["agreement"]["texts"], diff["agreement"]["same"]), (4, 3))

    def test_mistakes_are_named(self):
        wrong = cli("model", "install", self.texts, "--name", "reviews", *self.config, check=False)
        self.assertNotEqual(wrong.returncode, 0)
        taken = cli("model", "install", self.folder / "one.zym", "--name", "response", *self.config, check=False)
        self.assertIn("another kind of model", taken.stderr)
        for name in ("a/b", "A b", "x" * 65, "language", ".x"):  # nothing could ask for it
            wrong = cli("model", "install", self.folder / "one.zym", "--name", name, *self.config, check=False)
            self.assertEqual(wrong.returncode, 2, name)
            self.assertIn("--name", wrong.stderr)
        turned = cli("model", "install", self.folder / "one.zym", "--name", "x", "--data-from", "2026-03-01", "--data-to", "2026-01-01", *self.config,
                     check=False)
        self.assertIn("--data-to", turned.stderr)
        when = cli("model", "install", self.folder / "one.zym", "--name", "x", "--data-from", "soon", *self.config, check=False)
        self.assertIn("--data-from", when.stderr)
        self.assertEqual(cli("model", "info", "nobody", *self.config, check=False).returncode, 3)


if __name__ == "__main__":
    main()
