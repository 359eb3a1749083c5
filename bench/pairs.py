"""Models of pairs on the three sets of the shared data (LCQMC and BQ development, AFQMC training): five folds in which no text stands twice,
trained on four folds of all three sets, judged on the fifth of each, beside the cosine of the encoder's vectors and n-grams in common.
BENCH_FEATURES (joined,ngram), BENCH_FOLDS (of the five, how many are run) make it shorter; BENCH_CACHE keeps the encoder's vectors."""
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDS = int(os.environ.get("BENCH_FOLDS", "5"))
FEATURES = os.environ.get("BENCH_FEATURES", "joined,ngram").split(",")
SETS = ("lcqmc", "bq", "afqmc")


def make():
    spec = importlib.util.spec_from_file_location("make_models", ROOT / "models/make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def zhiyin(*arguments):
    done = subprocess.run([os.environ["ZHIYIN_PROGRAM"], *map(str, arguments), "--json"], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{arguments}: {done.stdout} {done.stderr}")
    return json.loads(done.stdout)


def bench():
    models = make()
    if not models.DATA.is_dir():
        print(f"pairs: skipped: {models.DATA} is not there")
        return 0
    extra = ["--cache", os.environ["BENCH_CACHE"]] if "BENCH_CACHE" in os.environ else []
    rows = models.pairs()
    fold = models.grouped(rows, 5)
    found = {}
    for held in range(FOLDS):
        with tempfile.TemporaryDirectory(prefix="zhiyin-bench-") as folder:
            folder = pathlib.Path(folder)
            models.write_pairs(folder / "train.tsv", [row for row, f in zip(rows, fold) if f != held])
            for name in SETS:
                models.write_pairs(folder / f"{name}.tsv", [row for row, f in zip(rows, fold) if f == held and row[0] == name])
            for features in FEATURES:
                cached = extra if features != "ngram" else []
                zhiyin("train", "text", "--task", "pair", "--train", folder / "train.tsv", "--features", features, "--output", folder / "m.zym", *cached)
                for name in SETS:
                    out = zhiyin("evaluate", "classify", "--model", folder / "m.zym", "--data", folder / f"{name}.tsv", *cached)
                    found.setdefault((name, features), []).append(out["metrics"]["auc"])
                    found.setdefault((name, features + " accuracy"), []).append(out["metrics"]["accuracy"])
                    if out["floor"]:
                        found.setdefault((name, "joined without its encoder"), []).append(out["floor"]["auc"])
                        found.setdefault((name, "cosine"), []).append(out["baseline"]["cosine"]["auc"])
                    found.setdefault((name, "n-grams in common"), []).append(out["baseline"]["jaccard"]["auc"])
    for name in SETS:
        said = ", ".join(f"{what} {statistics.mean(values):.4f}" + (f" ({min(values):.4f} to {max(values):.4f})" if what in FEATURES else "")
                         for (of, what), values in found.items() if of == name)
        print(f"pairs: {name}, {FOLDS} of 5 folds, AUC: {said}", flush=True)
    return statistics.mean(found[("lcqmc", FEATURES[0])])
