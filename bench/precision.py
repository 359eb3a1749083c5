"""What the default encoder's int8 changes in labels, beside the same encoder in float32, on texts that no model has seen: each model that comes
with the program is trained without every fifth of its texts and asked about these. Then titles of another source (TNEWS), which the shipped
topics have not seen either. BENCH_MODELS (names), BENCH_ROWS (at most so many of the left-out texts) make it shorter; BENCH_CACHE keeps vectors."""
import gzip
import json
import os
import pathlib
import re
import subprocess
import tempfile

import pairs

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROWS = int(os.environ.get("BENCH_ROWS", "0")) or None
NAMES = os.environ.get("BENCH_MODELS", "topic,intent,emotion,category,sentiment").split(",")


def compare(program, encoders, texts, model):
    """Prints what `program` (precision_bench) finds; returns texts and how many labels differ."""
    out = subprocess.run([program, *encoders, texts, model], check=True, stdout=subprocess.PIPE, text=True).stdout
    print("  " + out.replace(str(model), model.name).strip().replace("\n", "\n  "), flush=True)
    return int(re.search(r"cosine of (\d+)", out)[1]), int(re.search(r"\((\d+) differ", out)[1])


def bench(program, compiler):
    models = pairs.make()
    if not models.DATA.is_dir():
        print(f"precision: skipped: {models.DATA} is not there")
        return
    extra = ["--cache", os.environ["BENCH_CACHE"]] if "BENCH_CACHE" in os.environ else []
    small = pathlib.Path(os.environ["ZHIYIN_PROGRAM"]).parents[2] / "models/encoder.zyen"
    with tempfile.TemporaryDirectory(prefix="zhiyin-bench-") as folder:
        folder = pathlib.Path(folder)
        exact = folder / "float32.zyen"
        subprocess.run([compiler, ROOT / "build/deps/encoder/e5-small-q4.bin", exact, "--float32"], check=True, stdout=subprocess.DEVNULL)
        texts = folder / "texts.txt"
        found = {}
        for name in NAMES:
            rows, most = models.MODELS[name][:2]
            rows = models.clean(rows())
            learnt = [row for i, row in enumerate(rows) if i % 5 != 0]
            (folder / "train.tsv").write_text("".join(f"{label}\t{text}\n" for label, text in learnt))
            texts.write_text("".join(f"{text}\n" for _, text in rows[::5][:ROWS]))
            model = folder / f"{name}.zym"
            pairs.zhiyin("train", "text", "--task", "classify", "--train", folder / "train.tsv", "--features", "joined", "--features-max", most,
                         "--output", model, *extra)
            print(f"precision: {name}, learnt from {len(learnt):,} texts, the others:", flush=True)
            found[name] = compare(program, (small, exact), texts, model)
        several = [found[name] for name in found if name != "sentiment"]
        for what, counts in (("polarity", [found[name] for name in found if name == "sentiment"]), ("more classes", several)):
            if counts:
                count, differ = (sum(part) for part in zip(*counts))
                print(f"precision: {what}, {count:,} texts: the same label for {100 - 100 * differ / count:.3f} %", flush=True)
        titles = [json.loads(line)["sentence"] for line in gzip.open(models.DATA / "unlabelled/news_titles.jsonl.gz", "rt")]
        texts.write_text("".join(" ".join(title.split()) + "\n" for title in titles[:ROWS]))
        print("precision: titles of another source, the topics that come with the program:", flush=True)
        compare(program, (small, exact), texts, ROOT / "models/topic.zym")
