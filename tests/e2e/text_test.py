"""zhiyin text …: terms, personal data, near-duplicates, words and sentences from the command line."""
import gzip
import json
import pathlib
import subprocess
import tempfile
import unittest

from harness import PROGRAM, cli, main


def lines(*arguments, given=None):
    """What a command prints, one object a line."""
    run = subprocess.run([PROGRAM, "text", *map(str, arguments), "--json"], input=given, capture_output=True, check=True)
    return [json.loads(line) for line in run.stdout.decode().splitlines()]


class Text(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="zhiyin-text-"))

    def test_terms_are_found_disguised_and_from_a_compiled_file(self):
        terms = self.folder / "words.tsv"
        terms.write_text("# our list\n微信\t联系\t3\n法轮\t\t5\n女节\n")
        allow = self.folder / "allow.txt"
        allow.write_text("妇女节\n")
        compiled = self.folder / "words.terms"
        wrote = lines("compile", "--terms", terms, "--allow", allow, "--output", compiled)
        self.assertEqual(wrote[0]["terms"], 4)
        for path in ([terms, "--allow", allow], [compiled]):
            found = lines("match", "--terms", *path, given="加徽 信\n妇女节女节\n氵去轮\n".encode())
            self.assertEqual([[(h["term"], h["view"], h["found"]) for h in f["hits"]] for f in found],
                             [[("微信", "shape", "徽 信")], [("女节", "plain", "女节")], [("法轮", "shape", "氵去轮")]])
            self.assertEqual(found[0]["hits"][0]["bytes"], [3, 10])
            self.assertEqual(found[0]["hits"][0]["category"], "联系")
        plain = lines("match", "加徽信", "--terms", terms, "--views", "plain")
        self.assertEqual(plain[0]["hits"], [])
        self.assertIn("微信", cli("text", "match", "加徽信", "--terms", terms))

    def test_mistakes_are_named(self):
        terms = self.folder / "words.tsv"
        terms.write_text("微信\t联系\tmuch\n")
        for arguments, what in [(["match", "x"], "--terms"), (["match", "x", "--terms", terms], "line 1.severity"),
                                (["mask", "x", "--style", "none"], "--style"),
                                (["duplicates", "--input", self.folder / "none"], "--input"),
                                (["segment", "x", "--mode", "best"], "--mode")]:
            failed = cli("text", *arguments, check=False)
            self.assertIn(failed.returncode, (2, 3), arguments)
            self.assertIn(what, failed.stderr)
        damaged = self.folder / "damaged.terms"
        damaged.write_bytes(b"ZYTERMS\n" + bytes(2000))
        self.assertNotEqual(cli("text", "match", "x", "--terms", damaged, check=False).returncode, 0)

    def test_files_are_read_as_they_come(self):
        plain = "\ufeff今天\r\n\ufeff明天\n".encode()
        packed = self.folder / "texts.txt.gz"
        packed.write_bytes(gzip.compress(plain))
        for given in ({"given": plain}, {}):
            found = lines("segment", *([] if given else ["--input", packed]), **given)
            self.assertEqual([[w["word"] for w in f["words"]] for f in found], [["今天"], ["\ufeff", "明天"]])
            self.assertEqual(found[0]["words"][0]["bytes"], [0, 6])
        folder = cli("text", "segment", "--input", self.folder, check=False)
        self.assertEqual(folder.returncode, 2)
        self.assertIn("is a folder", folder.stderr)

    def test_what_a_compiled_list_was_told_cannot_be_told_anew(self):
        terms, compiled = self.folder / "words.tsv", self.folder / "words.terms"
        terms.write_text("女节\n")
        lines("compile", "--terms", terms, "--output", compiled)
        for flags in (["--allow", terms], ["--whole-words"], ["--case-sensitive"]):
            refused = cli("text", "match", "妇女节", "--terms", compiled, *flags, check=False)
            self.assertEqual(refused.returncode, 2)
            self.assertIn(f"{flags[0]}: is for a list", refused.stderr)

    def test_what_is_wrong_in_a_list_is_named_by_file_and_line(self):
        terms, words = self.folder / "wrong.tsv", self.folder / "wrong.txt"
        terms.write_text("# ours\n微信\t联系\t3\n法轮\t\t9\n")
        words.write_text("好词 n\n坏词 0 n\n")
        for command, flag, file, told in (("match", "--terms", terms, "line 3.severity: is 9, it goes from 1 to 5"),
                                          ("compile", "--terms", terms, "line 3.severity: is 9"),
                                          ("segment", "--user-words", words, "line 2: `坏词 0 n` has no count of 1 or more"),
                                          ("keywords", "--user-words", words, "line 2: `坏词 0 n`")):
            more = ["--output", self.folder / "x.terms"] if command == "compile" else ["今天"]
            refused = cli("text", command, *more, flag, file, check=False)
            self.assertEqual(refused.returncode, 2, refused.stderr)
            self.assertIn(f"{flag}: {file}: {told}", refused.stderr)
        allow = cli("text", "match", "今天", "--terms", self.folder / "fine.tsv", "--allow", terms, check=False)
        self.assertNotEqual(allow.returncode, 0)
        (self.folder / "fine.tsv").write_text("微信\n")
        allow = cli("text", "match", "今天", "--terms", self.folder / "fine.tsv", "--allow", terms, check=False)
        self.assertIn(f"--allow: {terms}: line 3.severity", allow.stderr)

    def test_a_full_disk_is_no_success(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, "text", "segment", "今天"], stdout=full, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 7)
        self.assertIn("could not be written", done.stderr.decode())

    def test_personal_data_is_masked(self):
        masked = lines("mask", "王小明先生 13800138000")[0]
        self.assertRegex(masked["masked"], r"^\[NAME-1-[a-z2-7]{8}\]先生 \[PHONE-1-[a-z2-7]{8}\]$")
        self.assertEqual([f["kind"] for f in masked["found"]], ["name", "phone"])
        self.assertEqual(cli("text", "mask", "13800138000", "--style", "short"), "138****8000\n")
        self.assertEqual(lines("mask", given=b"\xff\xfe 13800138000\n")[0]["found"][0]["kind"], "phone")

    def test_near_duplicates_are_told_by_line(self):
        found = lines("duplicates", given="今天天气真好我们去公园\n别的话\n今天天气真好！我们去公园。\n".encode())
        self.assertEqual([f["near"] for f in found], [[], [], [{"line": 1, "similarity": 1.0}]])

    def test_words_sentences_and_language(self):
        self.assertEqual(cli("text", "segment", "我来到北京清华大学"), "我 来到 北京 清华大学\n")
        self.assertEqual(lines("language", "這是什麼語言")[0]["language"], "zh-Hant")
        self.assertEqual(cli("text", "normalise", "ＡＢＣ繁體"), "abc繁体\n")
        whole = lines("sentences", "--whole", given="你好。再见！\n好".encode())
        self.assertEqual([s["sentence"] for s in whole[0]["sentences"]], ["你好。", "再见！", "好"])
        keywords = lines("keywords", "小明硕士毕业于中国科学院计算所，后在日本京都大学深造", "--count", "3")[0]["keywords"]
        self.assertEqual(len(keywords), 3)
        self.assertTrue(lines("summary", "今天下雨。我没有带伞。")[0]["summary"])


if __name__ == "__main__":
    main()
