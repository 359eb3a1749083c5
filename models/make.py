#!/usr/bin/env python3
"""Makes the models that come with the program again from the shared data: models/make.py [NAME…]

The same data, program and encoder give the same bytes. Each model is trained on nine tenths of its rows (by a seed) and measured on the
rest; its card (models/NAME.md) is written from that. ZHIYIN_PROGRAM names the program, ZHIYIN_SHARED the folder with the data,
ZHIYIN_MODEL_CACHE a folder for the encoder's vectors; ZHIYIN_MODEL_FEATURES=ngram does without the encoder. What is in the data never goes into the files beyond weights of n-grams."""
import csv
import gzip
import io
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("ZHIYIN_SHARED", ROOT.parent / "shared")) / "data" / "text"
PROGRAM = os.environ.get("ZHIYIN_PROGRAM", str(ROOT / "build/release/src/app/zhiyin"))
EMOTIONS = ["neutral", "angry", "happy", "sad", "fear", "surprise"]
CATEGORIES = {"书籍": "books", "平板": "tablets", "手机": "phones", "水果": "fruit", "洗发水": "shampoo", "热水器": "water_heaters",
              "蒙牛": "dairy", "衣服": "clothes", "计算机": "computers", "酒店": "hotels"}


def lines(path):
    raw = gzip.open(DATA / path).read() if path.endswith(".gz") else (DATA / path).read_bytes()
    return [line for line in raw.decode("utf-8-sig").split("\n") if line.strip()]


def table(path):
    return list(csv.DictReader(io.StringIO("\n".join(lines(path)))))


def polarity(label):
    return "positive" if label == "1" else "negative"


def sentiment():
    rows = [line.split("\t", 1) for line in lines("sentiment/chnsenticorp_train.tsv.gz")[1:]]
    rows += [(r["label"], r["review"]) for r in table("sentiment/waimai_train.csv")]
    rows += [(r["label"], r["review"]) for r in table("sentiment/online_shopping_train.csv.gz")]
    return [(polarity(label), text) for label, text in rows]


def emotion():
    return [(EMOTIONS[int(line.split("\t", 1)[0])], line.split("\t", 1)[1]) for line in lines("sentiment/emotion_weibo_train.tsv.gz")[1:]]


def topic():
    names = lines("topic/news_title_class.txt")
    return [(names[int(line.rsplit("\t", 1)[1])], line.rsplit("\t", 1)[0]) for line in lines("topic/news_title_train.tsv")]


def category():
    return [(CATEGORIES.get(r["cat"], r["cat"]), r["review"]) for r in table("sentiment/online_shopping_train.csv.gz")]


def intent():
    return [(line.split("\t")[1], line.split("\t")[0]) for line in lines("intent/smp2017_train.tsv")[1:]]


def pairs():
    """(set, 1 or 0, text, text) of the three sets: LCQMC's and AFQMC's lines end in a tab and the label, BQ's are CSV with a header."""
    rows = [("lcqmc", *line.split("\t")) for line in lines("pairs/lcqmc_dev.tsv")]
    rows += [("bq", r["sentence1"], r["sentence2"], r["label"]) for r in table("pairs/bq_dev.csv")]
    rows += [("afqmc", *line.split("\t")) for line in lines("pairs/afqmc_train.tsv.gz")]
    out = []
    for name, first, second, label in rows:
        first, second = (" ".join(text.replace("\ufeff", "").split()) for text in (first, second))
        if first and second:
            out.append((name, int(label), first, second))
    return out


def grouped(rows, parts, seed=1):
    """The part of each pair, so that no text stands in two: what hangs together by common texts goes as a whole, the largest first, each to
    the part that has fewest of its set."""
    parent = {}

    def root(text):
        while parent.setdefault(text, text) != text:
            parent[text] = text = parent[parent[text]]
        return text

    for _, _, first, second in rows:
        parent[root(first)] = root(second)
    groups = {}
    for i, row in enumerate(rows):
        groups.setdefault(root(row[2]), []).append(i)
    order = list(groups.values())
    random.Random(seed).shuffle(order)
    order.sort(key=len, reverse=True)
    counts = {name: [0] * parts for name in {row[0] for row in rows}}
    out = [0] * len(rows)
    for group in order:
        of_set = counts[rows[group[0]][0]]
        part = of_set.index(min(of_set))
        of_set[part] += len(group)
        for i in group:
            out[i] = part
    return out


def write_pairs(path, rows):
    path.write_text("".join(f"{label}\t{first}\t{second}\n" for _, label, first, second in rows))


MODELS = {
    "sentiment": (sentiment, 300_000, "Polarity of reviews and comments", "ChnSentiCorp (hotels, laptops, books), waimai_10k (food delivery), "
                  "online_shopping_10_cats", "positive or negative; `intensity` is the calibrated probability of positive in five steps"),
    "emotion": (emotion, 150_000, "Emotion of posts", "SMP2020-EWECT, usual part (Weibo)", "six emotions, one a post"),
    "topic": (topic, 120_000, "Topic of titles", "THUCNews titles", "ten topics of news"),
    "category": (category, 150_000, "Category of products from what buyers write", "online_shopping_10_cats", "ten categories of goods and hotels"),
    "intent": (intent, 100_000, "What a short question to an assistant is about", "SMP2017-ECDT", "31 domains, from `chat` to `weather`"),
}


def clean(rows):
    """One line a text, every text once, in an order of its own."""
    seen = {}
    for label, text in rows:
        text = " ".join(text.replace("\ufeff", "").split())
        if text and label.strip():
            seen.setdefault(text, label.strip())
    out = [(label, text) for text, label in sorted(seen.items())]
    random.Random(1).shuffle(out)
    return out


def zhiyin(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments), "--json"], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, arguments))}: {done.stdout}")
    return json.loads(done.stdout)


def card(name, title, source, what, trained, measured, size):
    m, i = measured["metrics"], measured["intervals"]
    settings = trained["settings"]
    joined = settings["features"] == "joined"
    classes = "\n".join(f"| {c['class']} | {c['precision']:.3f} | {c['recall']:.3f} | {c['f1']:.3f} | {c['support']} |" for c in measured["per_class"])
    return f"""# {name}: {title.lower()}

{what[0].upper() + what[1:]}. {"Character n-grams joined with the vector of the default encoder" if joined else "Character n-grams alone, no encoder needed"}; use:
`zhiyin classify --model {name} --input texts.txt --json`.

| | |
|---|---|
| learnt from | {source}: {trained['rows']:,} texts (nine tenths; every text once) |
| measured on | the other tenth, {measured['rows']:,} texts |
| accuracy | {100 * m['accuracy']:.2f} % ({100 * i['accuracy'][0]:.2f} to {100 * i['accuracy'][1]:.2f}) |
| macro F1 | {100 * m['macro_f1']:.2f} % ({100 * i['macro_f1'][0]:.2f} to {100 * i['macro_f1'][1]:.2f}) |
| calibration error | {100 * m['ece']:.2f} % |
| not rejected | {100 * m['coverage']:.2f} %, of these right {100 * m.get('accepted_accuracy', 0):.2f} % |
| file | {size / 1e6:.2f} MB, {trained['features']:,} n-grams, 8-bit weights |
{f"| encoder | multilingual-e5-small, content {settings['encoder'][:16]}… |" if joined else "| encoder | none |"}
| licence | this project's own weights; the encoder (MIT) is not in the file; the set is published for research: ask its owners before you sell what was learnt from it |
| made by | `{'' if joined else 'ZHIYIN_MODEL_FEATURES=ngram '}models/make.py {name}`, seed {settings['seed']} |

| class | precision | recall | F1 | texts |
|---|---|---|---|---|
{classes}

The sets are for research; the file holds weights learnt from them and the n-grams that two texts or more share, no texts. Texts of another kind (other goods, other
times, dialects, irony) fare worse: measure on your own before you rely on it, or train with them.
"""


def percent(measured, name="accuracy"):
    return f"{100 * measured['metrics'][name]:.2f} %"


def auc(measured):
    low, high = measured["intervals"]["auc"]
    return f"{measured['metrics']['auc']:.4f} ({low:.4f} to {high:.4f})"


def cosine_auc(measured):
    cosine = measured["baseline"]["cosine"]
    return f"{cosine['auc']:.4f} ({cosine['interval'][0]:.4f} to {cosine['interval'][1]:.4f})" if cosine else "none"


def pair_card(trained, measured, others, size):
    settings, m = trained["settings"], measured["all"]["metrics"]
    joined = settings["features"] == "joined"
    names = {"lcqmc": "LCQMC (general)", "bq": "BQ (a bank)", "afqmc": "AFQMC (a payment service)"}

    def row(name, found):
        return (f"| {name} | {found['rows']:,} | {auc(found)} | {percent(found)} | "
                + (f"{found['floor']['auc']:.4f} | {found['baseline']['cosine']['auc']:.4f} | " if joined else "as it is | | ")
                + f"{found['baseline']['jaccard']['auc']:.4f} |")

    sets = "\n".join(row(title, measured[name]) for name, title in names.items())
    left_out = "\n".join(f"| {title} | {auc(others[name])} | {cosine_auc(others[name])} | {percent(others[name])} | {percent(others[name], 'ece')} |"
                         for name, title in names.items())
    return f"""# pair: whether two short questions mean the same

`same` or `different`, with a calibrated probability. {"Character n-grams and likeness joined with the default encoder's vectors of both texts" if joined else "Characters alone, no encoder needed"};
use: `zhiyin classify --model pair --input pairs.txt --json` (two texts a line, a tab between them), or `POST /v1/similarity`.

| | |
|---|---|
| learnt from | the development part of LCQMC and of BQ, the training part of AFQMC: {trained['rows']:,} pairs (nine tenths) |
| measured on | the other tenth, {measured['all']['rows']:,} pairs; no text stands in both |
| accuracy | {percent(measured['all'])} |
| calibration error | {100 * m['ece']:.2f} %, log-loss {m['log_loss']:.4f} |
| not rejected | {100 * m['coverage']:.2f} %, of these right {100 * m.get('accepted_accuracy', 0):.2f} % |
| file | {size / 1e6:.2f} MB, {trained['features']:,} n-grams, 16-bit weights |
{f"| encoder | multilingual-e5-small, content {settings['encoder'][:16]}…, with the prefix `query: ` |" if joined else "| encoder | none |"}
| licence | this project's own weights; the encoder (MIT) is not in the file; the sets are published for research: ask their owners before you sell what was learnt from them |
| made by | `{'' if joined else 'ZHIYIN_MODEL_FEATURES=ngram '}models/make.py pair`, seed {settings['seed']} |

| held-out pairs of | pairs | AUC (95 %) | accuracy | AUC without the encoder | AUC of the cosine alone | AUC of n-grams in common |
|---|---|---|---|---|---|---|
{sets}

**On texts of another kind it is weaker.** There the cosine has its say ("unfamiliar" in its answers). Trained without one set and judged on all of it:

| set left out | AUC (95 %) | AUC of the cosine alone (95 %) | accuracy | calibration error |
|---|---|---|---|---|
{left_out}

How often pairs mean the same differs from set to set, so that probabilities are wrong there, also where the order is right. So for questions of your own trade train with pairs of your own (`zhiyin train text --task pair`), or at least measure. It has seen questions of up
to a few dozen characters; long texts and statements it has not. Which of the two texts comes first changes nothing. AFQMC's labels are noisy. The file holds weights learnt from the sets and the n-grams that two texts or more share, no texts.
"""


def make_pair(features, extra):
    rows = pairs()
    part = grouped(rows, 10)
    output = ROOT / "models/pair.zym"
    with tempfile.TemporaryDirectory(prefix="zhiyin-models-") as folder:
        folder = pathlib.Path(folder)

        def train(chosen, to, *more):
            write_pairs(folder / "train.tsv", chosen)
            return zhiyin("train", "text", "--task", "pair", "--train", folder / "train.tsv", "--features", features, "--features-max", 280_000,
                          "--output", to, *extra, *more)

        def measure(chosen, model):
            write_pairs(folder / "test.tsv", chosen)
            return zhiyin("evaluate", "classify", "--model", model, "--data", folder / "test.tsv", *extra)

        trained = train([row for row, p in zip(rows, part) if p > 0], output)
        held = [row for row, p in zip(rows, part) if p == 0]
        measured = {name: measure([row for row in held if name in ("all", row[0])], output) for name in ("all", "lcqmc", "bq", "afqmc")}
        others = {}
        for name in ("lcqmc", "bq", "afqmc"):
            train([row for row in rows if row[0] != name], folder / "other.zym")
            others[name] = measure([row for row in rows if row[0] == name], folder / "other.zym")
            print(f"pair: without {name}: AUC {others[name]['metrics']['auc']:.4f} there, cosine {cosine_auc(others[name])}", flush=True)
    size = output.stat().st_size
    if size > 5_000_000:
        raise SystemExit(f"pair: {size} bytes are more than 5 MB")
    (ROOT / "models/pair.md").write_text(pair_card(trained, measured, others, size))
    print("pair: " + ", ".join(f"{name} AUC {found['metrics']['auc']:.4f}" for name, found in measured.items()) + f", {size / 1e6:.2f} MB", flush=True)


def main():
    features = os.environ.get("ZHIYIN_MODEL_FEATURES", "joined")
    cache = os.environ.get("ZHIYIN_MODEL_CACHE")
    for name in sys.argv[1:] or [*MODELS, "pair"]:
        if name == "pair":
            make_pair(features, ["--cache", cache] if cache else [])
            continue
        rows, most, title, source, what = MODELS[name]
        rows = clean(rows())
        cut = len(rows) // 10
        with tempfile.TemporaryDirectory(prefix="zhiyin-models-") as folder:
            folder = pathlib.Path(folder)
            for part, chosen in (("test", rows[:cut]), ("train", rows[cut:])):
                (folder / f"{part}.tsv").write_text("".join(f"{label}\t{text}\n" for label, text in chosen))
            extra = ["--cache", cache] if cache else []
            output = ROOT / "models" / f"{name}.zym"
            trained = zhiyin("train", "text", "--task", "classify", "--train", folder / "train.tsv", "--features", features,
                             "--features-max", most, "--output", output, *extra)
            measured = zhiyin("evaluate", "classify", "--model", output, "--data", folder / "test.tsv", *extra)
        size = output.stat().st_size
        if size > 5_000_000:
            raise SystemExit(f"{name}: {size} bytes are more than 5 MB")
        (ROOT / "models" / f"{name}.md").write_text(card(name, title, source, what, trained, measured, size))
        print(f"{name}: accuracy {measured['metrics']['accuracy']:.4f}, {size / 1e6:.2f} MB", flush=True)


if __name__ == "__main__":
    main()
