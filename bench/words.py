"""`bench/run words`: normalising and cutting into words, beside ICU, OpenCC and cppjieba in the same run."""
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent


def text_file():
    """Text a line: BENCH_TEXT, or the Peking University's test file where it is."""
    shared = pathlib.Path(os.environ.get("ZHIYIN_SHARED", ROOT.parent / "shared"))
    return pathlib.Path(os.environ.get("BENCH_TEXT", shared / "data/text/segmentation/pku_test.utf8"))


def bench():
    build = pathlib.Path(os.environ["ZHIYIN_PROGRAM"]).parents[2]
    text = text_file()
    if not text.is_file():
        print(f"  skipped: {text} is not there (set BENCH_TEXT to a file with a text a line)")
        return
    programs = ["normalise_bench", "segment_bench"]
    subprocess.run(["cmake", "--build", build, "--target", *programs], check=True, stdout=subprocess.DEVNULL)
    print(f"  text: {text.name}")
    for program in programs:
        subprocess.run([build / "src/text" / program, text], check=True)
    print("  command: bench/run words (target: words in at least 3 times cppjieba's speed, ready in 50 ms with 40 MB)")
