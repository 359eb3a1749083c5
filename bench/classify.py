"""Classifiers of texts on the seven sets of the shared data: five seeded folds of the development files, beside scikit-learn's TF-IDF of
one to three characters with LinearSVC on the same folds. BENCH_SETS, BENCH_ROWS (at most so many rows of a set), BENCH_FEATURES
(ngram,joined) and BENCH_FOLDS (of the five, how many are run) make it shorter; BENCH_CACHE keeps the encoder's vectors."""
import csv
import gzip
import io
import json
import math
import os
import pathlib
import random
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("ZHIYIN_SHARED", ROOT.parent / "shared")) / "data" / "text"
ROWS = int(os.environ.get("BENCH_ROWS", "0"))
FOLDS = int(os.environ.get("BENCH_FOLDS", "5"))
FEATURES = os.environ.get("BENCH_FEATURES", "ngram,joined").split(",")


def lines(path):
    raw = gzip.open(DATA / path).read() if path.endswith(".gz") else (DATA / path).read_bytes()
    return [line for line in raw.decode().split("\n") if line.strip()]


def table(path):
    return list(csv.DictReader(io.StringIO("\n".join(lines(path)))))


def sets():
    """(label, text) of each development file."""
    shopping = None
    for name in os.environ.get("BENCH_SETS", "chnsenticorp,waimai,shopping_polarity,shopping_category,smp2017,emotion,news").split(","):
        if name == "chnsenticorp":
            rows = [line.split("\t", 1) for line in lines("sentiment/chnsenticorp_train.tsv.gz")[1:]]
        elif name == "waimai":
            rows = [(r["label"], r["review"]) for r in table("sentiment/waimai_train.csv")]
        elif name.startswith("shopping"):
            shopping = shopping or table("sentiment/online_shopping_train.csv.gz")
            rows = [(r["label"] if name == "shopping_polarity" else r["cat"], r["review"]) for r in shopping]
        elif name == "smp2017":
            rows = [(line.split("\t")[1], line.split("\t")[0]) for line in lines("intent/smp2017_train.tsv")[1:]]
        elif name == "emotion":
            rows = [line.split("\t", 1) for line in lines("sentiment/emotion_weibo_train.tsv.gz")[1:]]
        elif name == "news":
            rows = [(line.rsplit("\t", 1)[1], line.rsplit("\t", 1)[0]) for line in lines("topic/news_title_train.tsv")]
        else:
            raise SystemExit(f"BENCH_SETS: there is no set '{name}'")
        rows = [(label.strip(), " ".join(text.split())) for label, text in rows]
        rows = [(label, text) for label, text in rows if label and text]
        random.Random(1).shuffle(rows)
        yield name, rows[:ROWS] if ROWS else rows


def zhiyin(*arguments):
    done = subprocess.run([os.environ["ZHIYIN_PROGRAM"], *map(str, arguments), "--json"], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{arguments}: {done.stdout} {done.stderr}")
    return json.loads(done.stdout)


def ours(folder, features):
    model = folder / f"{features}.zym"
    extra = ["--cache", os.environ["BENCH_CACHE"]] if features != "ngram" and "BENCH_CACHE" in os.environ else []
    zhiyin("train", "text", "--task", "classify", "--train", folder / "train.tsv", "--features", features, "--output", model, *extra)
    return zhiyin("evaluate", "classify", "--model", model, "--data", folder / "test.tsv", *extra)["metrics"]["accuracy"]


def theirs(train, test):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True)
    fit = LinearSVC(C=0.5).fit(vectors.fit_transform([text for _, text in train]), [label for label, _ in train])
    return fit.score(vectors.transform([text for _, text in test]), [label for label, _ in test])


def measure(rows):
    """Accuracy of each fold by each method."""
    order = list(range(len(rows)))
    random.Random(7).shuffle(order)
    out = {"scikit-learn": [], **{f: [] for f in FEATURES}}
    for fold in range(FOLDS):
        held = set(order[fold::5])
        train = [row for i, row in enumerate(rows) if i not in held]
        test = [rows[i] for i in sorted(held)]
        with tempfile.TemporaryDirectory(prefix="zhiyin-bench-") as folder:
            folder = pathlib.Path(folder)
            for name, part in (("train", train), ("test", test)):
                (folder / f"{name}.tsv").write_text("".join(f"{label}\t{text}\n" for label, text in part))
            for features in FEATURES:
                out[features].append(ours(folder, features))
        out["scikit-learn"].append(theirs(train, test))
    return out


def bench():
    if not DATA.is_dir():
        print(f"classify: skipped: {DATA} is not there")
        return 0
    gains = {f: [] for f in FEATURES}
    for name, rows in sets():
        by = measure(rows)
        line = f"classify: {name}, {len(rows)} rows, {FOLDS} of 5 folds: scikit-learn {100 * statistics.mean(by['scikit-learn']):.2f} %"
        for f in FEATURES:
            paired = [100 * (a - b) for a, b in zip(by[f], by["scikit-learn"])]
            width = 2.776 * statistics.stdev(paired) / math.sqrt(len(paired)) if len(paired) > 1 else float("nan")
            gains[f].append(statistics.mean(paired))
            line += f", {f} {100 * statistics.mean(by[f]):.2f} % ({statistics.mean(paired):+.2f} ± {width:.2f})"
        print(line, flush=True)
    for f in FEATURES:
        print(f"classify: {f}: on average {statistics.mean(gains[f]):+.2f} points against scikit-learn, at worst {min(gains[f]):+.2f} "
              f"(gate: {'never below -0.3' if f == 'ngram' else '+1.0 on average'})")
    return min(gains["ngram"]) if "ngram" in gains else 0
