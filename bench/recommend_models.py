"""`bench/run recommend_models`: what the recommendation models cost and how good they are. One thread unless stated; times are those of the
thread, so that other work beside it changes little, and the processor's peak of the same minute stands beside them. iALS is measured beside
PyPI's `implicit` in alternating runs, where BENCH_IMPLICIT names a Python that has it. BENCH_EASE_ITEMS (12,000) and BENCH_PAIRS (3) make it
shorter; BENCH_VIDEO_GAMES=0 leaves the minutes of Video Games out."""
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("ZHIYIN_SHARED", ROOT.parent / "shared")) / "data/recommend"
PAIRS = int(os.environ.get("BENCH_PAIRS", "3"))

IMPLICIT = """
import gzip, json, sys, time
import numpy as np, scipy.sparse as sp
from implicit.als import AlternatingLeastSquares
rows, columns = [], []
for line in gzip.open(sys.argv[1], "rt"):
    user, *items = line.split()
    rows += [int(user)] * len(items); columns += map(int, items)
x = sp.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)))
model = AlternatingLeastSquares(factors=int(sys.argv[2]), regularization=0.01, alpha=2.0, iterations=15, num_threads=1, random_state=1)
began = time.process_time(); model.fit(x, show_progress=False); took = time.process_time() - began
u, v = np.asarray(model.user_factors, np.float64), np.asarray(model.item_factors, np.float64)
coo = x.tocoo(); y = np.einsum("ij,ij->i", u[coo.row], v[coo.col])
loss = float(((u.T @ u) * (v.T @ v)).sum() - (y * y).sum() + 2 * ((1 - y) ** 2).sum())
began = time.process_time(); model.recommend(np.arange(x.shape[0]), x, N=20, filter_already_liked_items=True)
print(json.dumps({"seconds": took, "loss": loss, "people_per_second": x.shape[0] / (time.process_time() - began)}))
"""


def run(program, *words):
    done = subprocess.run([program, *map(str, words)], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def ease(program):
    one = run(program, "ease", os.environ.get("BENCH_EASE_ITEMS", "12000"))[0]
    print(f"EASE, factor and inverse in float32, {one['n']:,} items (counts excluded): {one['seconds']:.2f} s, {one['gflops']:.1f} GFLOP/s, "
          f"{one['share']:.2f} of the peak {max(one['peak_before'], one['peak_after']):.1f} ({one['kernel']}; target 0.75)")


def ials(program):
    train = DATA / "ml-1m/train.txt.gz"
    python = os.environ.get("BENCH_IMPLICIT")
    for factors, target in ((64, 4), (128, 3)):
        ours, theirs, losses = [], [], []
        scores, their_scores = [], []
        for _ in range(PAIRS):
            model, listed = run(program, "ials", train, factors)
            ours.append(model["seconds"])
            scores.append(listed["people_per_second"])
            if python:
                environment = dict(os.environ, OPENBLAS_NUM_THREADS="1")
                done = subprocess.run([python, "-c", IMPLICIT, train, str(factors)], check=True, capture_output=True, text=True, env=environment)
                other = json.loads(done.stdout.splitlines()[-1])
                theirs.append(other["seconds"])
                their_scores.append(other["people_per_second"])
                losses.append(model["loss"] / other["loss"] - 1)
        print(f"iALS on ml-1m, {factors} factors, 15 iterations of 3 steps: {statistics.median(ours):.2f} s (peak {model['peak']:.1f} GFLOP/s, {model['kernel']}); "
              f"fold-in, scores and the best 20 of everybody: {statistics.median(scores):,.0f} people/s")
        if python:
            print(f"  implicit: {statistics.median(theirs):.2f} s, ratio {statistics.median(a / b for a, b in zip(theirs, ours)):.1f} (target {target}); "
                  f"unregularised loss {max(losses, key=abs):+.2e} (target 1e-4); recommend() {statistics.median(their_scores):,.0f} people/s")


def lists(program):
    fold = run(program, "fold")[0]
    print(f"fold-in of {fold['events']} events, {fold['factors']} factors: {fold['microseconds']:.2f} µs (target 3; {fold['kernel']}, peak {fold['peak']:.1f})")
    for one in run(program, "lists"):
        print(f"list of 10, 11,000 items, 20 events, impression encoded, {one['mode']}: {one['microseconds']:.0f} µs, {one['people_per_second']:,.0f} people/s from "
              f"{one['candidates']:,.0f} candidates of the largest source (target 250 µs, 4,000; peak {one['peak']:.1f})", flush=True)


def growth(program):
    for one in run(program, "growth", os.environ.get("BENCH_GROWTH_PEOPLE", "1000000")):
        name, target = {"ease": ("EASE from counts, 3,000 items", 0), "sweep": ("a sweep of iALS over people and items, 64 factors", 1),
                        "lists": ("folding in, scores and the best ten of everybody", 1)}[one["of"]]
        print(f"{name}: {one['people']:,} people {one['seconds']:.2f} s, twice as many {one['twice']:.2f} s: slope {one['slope']:+.3f} (target {target} ± .05; "
              f"{one['kernel']}, peak {one['peak']:.1f})", flush=True)


def texts(program):
    one = run(program, "texts", 200_000)[0]
    print(f"a person's 20 texts beside {one['rows']:,} rows of 384 bytes: {one['milliseconds']:.1f} ms, {one['gigabytes_per_second']:.1f} GB/s ({one['kernel']})")
    encoder = ROOT / "build/deps/encoder/e5-small-q4.bin"
    if not encoder.exists():
        print(f"  cold start skipped: {encoder} is not there")
        return
    for one in run(program, "cold", DATA / "ml-100k", encoder):
        print(f"cold start, {one['share']:.0%} of ML-100K is training: nDCG@10 by texts {one['text']:.3f}, popularity {one['popularity']:.3f}, gain {one['gain']:.3f} "
              f"[{one['low']:.3f}, {one['high']:.3f}] (target above 0); popularity since then {one['popularity_since']:.3f}")


def quality(zhiyin, program):
    for file in ("ml-100k", "ml-1m/train.txt.gz"):
        for one in run(program, "served", DATA / file):
            print(f"lists as served, {file.split('/')[0]}, {one['factors']} factors: nDCG@{one['cut']} {one['served']:.5f}, dense model {one['dense']:.5f}, difference {one['difference']:.5f} "
                  f"[{one['low']:.4f}, {one['high']:.4f}] (target -.001)")
    print(f"clicks of ML-100K, five seeds: mean AUC {run(program, 'clicks', DATA / 'ml-100k')[-1]['mean_auc']:.4f} (target .785)")
    for one in run(program, "news", DATA / "news-impressions/behaviors.tsv.gz"):
        print(f"news impressions, seed {one['seed']}: AUC {one['ranked']:.4f}, click rate {one['baseline']:.4f}, gain {one['gain']:.4f} "
              f"[{one['low']:.4f}, {one['high']:.4f}] (target above 0)")
    if os.environ.get("BENCH_VIDEO_GAMES") == "0":
        return
    folder = DATA / "video-games"
    for words, target in ((["rp3beta", "--param", "k=861", "--param", "alpha=0.29067", "--param", "beta=0.23816"], ".0608"),
                          (["ease", "--param", "lambda=100", "--param", "recency=0.7"], ".0717")):
        done = subprocess.run([zhiyin, "evaluate", "recommend", "--train", folder / "loo_chrono_train.csv.gz", "--test", folder / "loo_chrono_validation.csv.gz",
                               "--json", "--model", *words], check=True, capture_output=True, text=True, cwd=tempfile.gettempdir())
        out = json.loads(done.stdout)
        low, high = out["intervals"]["ndcg@10"]
        print(f"Video Games, {' '.join(words[0::2])}: nDCG@10 {out['metrics']['ndcg@10']:.5f} [{low:.4f}, {high:.4f}] (target {target})")


def bench():
    if not DATA.is_dir():
        print(f"  skipped: {DATA} is not there")
        return
    zhiyin = pathlib.Path(os.environ["ZHIYIN_PROGRAM"])
    build = zhiyin.parents[2]
    subprocess.run(["cmake", "--build", build, "--target", "recommend_bench"], check=True, stdout=subprocess.DEVNULL)
    program = build / "src/recommend/recommend_bench"
    ease(program)
    ials(program)
    lists(program)
    growth(program)
    texts(program)
    quality(zhiyin, program)
    print("  command: bench/run recommend_models")
