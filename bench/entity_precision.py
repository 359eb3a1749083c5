"""How often what POST /v1/analyze finds as an entity is one, by kind: entity_precision.py PROGRAM [unjudged].

Finds personal data (`text mask`) and the dictionary's names (`text segment --tags`) in the Chinese files of the shared data, takes 60
different ones of each kind by a fixed seed, and counts those that were judged right by reading them in their text. Verdicts are kept by a
hash of kind and value (entity_precision.tsv) that is too short to tell the value from, for the values are other people's data. `unjudged` shows what has no verdict yet.
Right: the kind is what it says, and at most a few characters beside it are in the span."""
import gzip
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("ZHIYIN_SHARED", ROOT.parent / "shared")) / "data" / "text"
VERDICTS = pathlib.Path(__file__).with_suffix(".tsv")
EACH, SEED, NAMES_EVERY = 60, 39, 10
KINDS = {"nr": "person", "nrt": "person", "nrfg": "person", "ns": "place", "nt": "organisation"}


def lines():
    for file in sorted(DATA.rglob("*")):
        if file.is_dir() or file.parent.name in ("vocab", "segmentation") or file.name.startswith(("banking", "clinc")):
            continue
        raw = gzip.open(file).read() if file.suffix == ".gz" else file.read_bytes()
        yield from (line.replace("\r", "")[:3000] for line in raw.decode("utf-8", "replace").split("\n") if line.strip())


def run(*arguments):
    done = subprocess.run(arguments, stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    program = sys.argv[1]
    texts = list(lines())
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "texts.txt"
        file.write_text("\n".join(texts) + "\n")
        for text, answer in zip(texts, run(program, "text", "mask", "--json", "--input", file)):
            for one in answer["found"]:
                begin, end = one["characters"]
                found.setdefault(one["kind"], {}).setdefault(one["value"], (text, begin, end))
        some = texts[::NAMES_EVERY]
        file.write_text("\n".join(some) + "\n")
        for text, answer in zip(some, run(program, "text", "segment", "--tags", "--json", "--input", file)):
            at = 0
            for word in answer["words"]:
                end = at + len(word["word"])
                if word["tag"] in KINDS:
                    found.setdefault(KINDS[word["tag"]], {}).setdefault(word["word"], (text, at, end))
                at = end
    verdicts = {}
    if VERDICTS.exists():
        verdicts = dict(line.split("\t")[:2] for line in VERDICTS.read_text().splitlines() if line and not line.startswith("#"))
    for kind, values in sorted(found.items()):
        sample = random.Random(SEED).sample(sorted(values), min(EACH, len(values)))
        judged = []
        for value in sample:
            key = hashlib.sha256(f"{kind}\0{value}".encode()).hexdigest()[:6]
            if key in verdicts:
                judged.append(verdicts[key] == "1")
            elif sys.argv[2:] == ["unjudged"]:
                text, begin, end = values[value]
                around = f"{text[max(0, begin - 16):begin]}【{text[begin:end]}】{text[end:end + 12]}".replace("\t", " ")
                print(f"{key}\t{kind}\t{around}")
        n, right = len(judged), sum(judged)
        print(f"# {kind}: {len(values)} different, {n} judged, {right} right, (right + 1) / (judged + 2) = {(right + 1) / (n + 2):.2f}")


if __name__ == "__main__":
    main()
