"""Compares tokens and offsets with Hugging Face's tokenizers: oracle.py PROGRAM [speed].

Lines come from the shared data (TOKENISER_LINES of them, 10,000) and from hostile strings made here; the unigram pieces are those of
the default encoder's package. With `speed` both are timed on one thread, alternating, and the ratios are printed."""
import base64
import csv
import gzip
import io
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
SKIPPED = 77
ROOT = pathlib.Path(__file__).resolve().parents[3]
DATA = pathlib.Path(os.environ.get("ZHIYIN_SHARED", ROOT.parent / "shared")) / "data" / "text"
PACKAGE = ROOT / "build/deps/encoder/e5-small-q4.bin"
VOCAB = DATA / "vocab/bert_base_chinese_vocab.txt"
LINES = int(os.environ.get("TOKENISER_LINES", "10000"))

try:
    from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors
except ImportError as error:
    print(f"skipped: {error} (./dev setup makes the test environment)")
    sys.exit(SKIPPED)
if not DATA.is_dir():
    print(f"skipped: {DATA} is not there")
    sys.exit(SKIPPED)


def lines():
    """Texts of all kinds, in a fixed order."""
    out = []
    for file in sorted(DATA.rglob("*")):
        if file.is_dir() or file.parent.name == "vocab":
            continue
        raw = gzip.open(file).read() if file.suffix == ".gz" else file.read_bytes()
        out += [line for line in raw.decode("utf-8", "replace").split("\n") if line]
    random.Random(5).shuffle(out)
    return out[:LINES]


def hostile():
    r = random.Random(11)
    out = ["", " ", "  ", "\t\n", "　", "▁", "▁▁a", " a", "a ", "<s>", "</s>你", "[CLS][SEP]", "[MASK] 你 [mask]", "<mask>", "##ing", "a##b",
           "İstanbul", "ſtraße", "가각힣", "e\u0301e\u0301", "\u0301a", "👨\u200d👩\u200d👧", "🇨🇳🇨🇳", "①②㎏㍿", "ｶﾞｷﾞ", "\ufeff你好", "a\u200bb", "x" * 120,
           "你" * 300, "A" * 101 + " b", "1\u00a02", "\u202eabc", "\U0010ffff", "\ue000", "\U0002b830\U0002b930", "a\x00b", "\ufffd", "ﬀﬁ", "𝒜𝟙",
           "no\u0308l", "\u1100\u1161\u11a8", "नमस्ते", "ไทย", "€～|~", "don't", "3.14%", "http://a.b/c?d=e", "双十一花呗提额GPT-4在哪里？ café"]
    ranges = [(0x20, 0x7f), (0x80, 0x24f), (0x300, 0x370), (0x370, 0x530), (0x600, 0x700), (0x900, 0xa00), (0xe00, 0xe80), (0x1100, 0x1200),
              (0x1e00, 0x2100), (0x2100, 0x2400), (0x2e80, 0x3100), (0x3040, 0x3400), (0x4e00, 0x5200), (0xac00, 0xac80), (0xf900, 0xfb00),
              (0xfe00, 0xff00), (0xff00, 0xfff0), (0x1d400, 0x1d800), (0x1f300, 0x1fa00), (0x2b800, 0x2bb00)]
    for _ in range(max(2000, LINES // 20)):
        chosen = [r.choice(ranges) for _ in range(r.randint(1, 3))]
        text = ""
        for _ in range(r.randint(1, 12)):
            low, high = r.choice(chosen)
            text += chr(r.randrange(low, high)) if r.random() < 0.9 else r.choice(" \u200d\ufe0f▁　")
        out.append(text)
    return out


def read_package():
    file = PACKAGE.read_bytes()
    pieces_count = struct.unpack_from("<i", file, 44)[0]
    size = struct.unpack_from("<Q", file, 64)[0]
    offsets = struct.unpack_from(f"<{pieces_count + 1}I", file, 72)
    at = 72 + 4 * (pieces_count + 1)
    scores = struct.unpack_from(f"<{pieces_count}f", file, at)
    at += 4 * pieces_count
    text = file[at:at + size]
    pieces = [text[offsets[i]:offsets[i + 1]].decode() for i in range(pieces_count)]
    at += size
    count = struct.unpack_from("<i", file, at)[0]
    at += 8
    characters = {}
    for _ in range(count):
        c, n = struct.unpack_from("<IB", file, at)
        characters[chr(c)] = "".join(map(chr, struct.unpack_from(f"<{n}I", file, at + 5)))
        at += 5 + 4 * n
    return pieces, scores, characters


def charsmap(characters):
    """SentencePiece's compiled map: a double array in darts-clone's units, then the replacements."""
    texts, places = b"", {}
    for c, by in sorted(characters.items()):
        if by not in places:
            places[by] = len(texts)
            texts += by.encode() + b"\0"
    trie = {}
    for c, by in characters.items():
        node = trie
        for byte in c.encode():
            node = node.setdefault(byte, {})
        node["leaf"] = places[by]
    units, used = {0: 0}, {0}
    bases = set()

    def place(node, at, start):
        labels = sorted((k for k in node if k != "leaf"))
        if "leaf" in node:
            labels = [0] + labels
        base = start
        while base in bases or any((base ^ label) in used for label in labels) or not (base ^ at) < 1 << 21:
            base += 1
        bases.add(base)
        for label in labels:
            used.add(base ^ label)
        units[at] |= (base ^ at) << 10 | (0x100 if "leaf" in node else 0)
        for label in labels:
            if label == 0:
                units[base] = 0x80000000 | node["leaf"]
            else:
                units[base ^ label] = label
                place(node[label], base ^ label, start)

    place(trie, 0, 1)
    length = (max(units) // 256 + 1) * 256
    array = [units.get(i, 0) for i in range(length)]
    return struct.pack("<I", 4 * length) + struct.pack(f"<{length}I", *array) + texts


def sentencepiece(pieces, scores, compiled):
    """XLM-R's sentencepiece.bpe.model: <unk>, <s>, </s>, then the pieces that have the ids from 4 on, without <mask>."""
    def number(value):
        out = b""
        while value > 127:
            out += bytes([value & 127 | 128])
            value >>= 7
        return out + bytes([value])

    def field(place, body):
        return number(place << 3 | 2) + number(len(body)) + body

    out = b""
    marks = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3)]
    for text, score, kind in marks + [(p, s, 1) for p, s in zip(pieces[4:-1], scores[4:-1])]:
        out += field(1, field(1, text.encode()) + b"\x15" + struct.pack("<f", score) + b"\x18" + number(kind))
    return out + field(2, b"\x18\x01") + field(3, field(2, compiled) + b"\x18\x01\x20\x01\x28\x01")


class Ours:
    def __init__(self, kind, file):
        self.command = [PROGRAM, kind, str(file)]

    def __call__(self, asked):
        done = subprocess.run(self.command, input="".join(json.dumps(a) + "\n" for a in asked).encode(), capture_output=True, check=False)
        if done.returncode != 0:
            raise SystemExit(done.stderr.decode())
        return [json.loads(line) for line in done.stdout.decode().splitlines()]


def characters_of(text):
    """Place of the character at each byte."""
    out, place = [], 0
    for place, c in enumerate(text):
        out += [place] * len(c.encode("utf-8", "surrogatepass"))
    return out + [len(text)]


def compare(name, kind, file, encode, asked):
    answers = Ours(kind, file)(asked)
    assert len(answers) == len(asked), f"{name}: {len(answers)} answers to {len(asked)}"
    tokens = wrong = 0
    shown = []
    for a, (ids, types, spans) in zip(asked, answers):
        expected = encode(a)
        if expected is None:
            continue
        sides = [characters_of(a["a"]), characters_of(a.get("b") or "")]
        got = []
        for i, (b, e) in enumerate(spans):
            side = sides[expected[3][i] if i < len(expected[3]) and expected[3][i] is not None else 0]
            got.append((side[b], side[e]) if e > b else (0, 0))
        tokens += len(ids)
        if ids != expected[0] or got != expected[2] or types != expected[1]:
            wrong += 1
            if len(shown) < int(os.environ.get("TOKENISER_SHOWN", "5")):
                shown.append(f"  {a}\n    ours   {ids} {got} {types}\n    theirs {expected[0]} {expected[2]} {expected[1]}")
    print(f"{name}: {len(asked)} texts, {tokens} tokens, {wrong} differ", flush=True)
    print("\n".join(shown), end="\n" if shown else "")
    return wrong


def asked_of(tokenizer):
    def encode(a):
        tokenizer.encode_special_tokens = not a.get("in_text", False)
        if a.get("max"):
            tokenizer.enable_truncation(a["max"])
        else:
            tokenizer.no_truncation()
        try:
            e = tokenizer.encode(a["a"], a.get("b"), add_special_tokens=a.get("specials", True))
        except BaseException as error:  # a panic of theirs: nothing to compare with
            if "Panic" not in type(error).__name__:
                raise
            return None
        offsets = [tuple(o) if o[1] > o[0] else (0, 0) for o in e.offsets]
        return e.ids, e.type_ids, offsets, e.sequence_ids
    return encode


def requests(texts, extra):
    r = random.Random(3)
    out = [{"a": t} for t in texts + extra]
    for _ in range(len(extra)):
        out.append({"a": r.choice(texts), "b": r.choice(texts), "max": r.randint(4, 40)})
        out.append({"a": r.choice(extra), "in_text": True})
        out.append({"a": r.choice(texts), "max": r.randint(2, 20), "specials": r.random() < 0.5})
    return out


def bert(lowercase):
    pieces = VOCAB.read_text().split("\n")
    pieces = pieces[:-1] if pieces[-1] == "" else pieces
    t = Tokenizer(models.WordPiece({p: i for i, p in enumerate(pieces)}, unk_token="[UNK]", max_input_chars_per_word=100))
    t.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.post_processor = processors.BertProcessing(("[SEP]", pieces.index("[SEP]")), ("[CLS]", pieces.index("[CLS]")))
    t.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    return t


SPECIALS = {0: "<s>", 1: "<pad>", 2: "</s>", 3: "<unk>", 250001: "<mask>"}


def unigram(pieces, scores, **how):
    # Specials have the score 0 in the package, so a typed one would win: they get a text nobody can type.
    vocab = [(f"\0{p}" if i in SPECIALS else p, s) for i, (p, s) in enumerate(zip(pieces, scores))]
    t = Tokenizer(models.Unigram(vocab, unk_id=3))
    t.pre_tokenizer = pre_tokenizers.Metaspace(**how)
    special = {s: i for i, s in SPECIALS.items()}
    t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>",
                                                     special_tokens=[("<s>", special["<s>"]), ("</s>", special["</s>"])])
    return t


def odd(folder, texts):
    """What few files ask for: (name, file, tokenizer, texts). Each with added tokens that are words of their own, of all sorts."""
    added = [AddedToken("cat", single_word=True, normalized=False), AddedToken("Dog", single_word=True, normalized=True),
             AddedToken("[ONE]", single_word=True, special=True), AddedToken("北京", single_word=True, lstrip=True, rstrip=True, normalized=False),
             AddedToken("é_", single_word=True, normalized=False), AddedToken("[SEP", normalized=False)]
    r = random.Random(7)
    parts = ["cat", "Dog", "dog", "[ONE]", "北京", "é_", "É_", "[SEP", "[SEP]", "[MASK]", "cats", "_cat", "cat_", "-cat-", "1dog", "dog\u0301", "在北京市", "(北京)", " ",
             "  ", "\t", "\u200d", "\u3000", "。", "cat cat", "catcat", "a", "é", "²", "Ⓐ", "\U0002ebf0", "\U000105c0", "\U000323b0"]
    mixed = ["".join(r.choice(parts) for _ in range(r.randint(1, 8))) for _ in range(4000)]
    every = ["".join(f"a{chr(c)}" for c in range(begin, min(begin + 64, 0x110000)) if not 0xD800 <= c < 0xE000) for begin in range(1, 0x110000, 64)]
    made = []

    def add(name, build, asked, strips=True):
        t = bert(False)
        t.add_tokens([one for one in added if strips or not one.lstrip])
        build(t)
        t.save(str(folder / f"{name}.json"))
        made.append((name, folder / f"{name}.json", t, asked))

    def whitespace(t):
        t.normalizer = None
        t.pre_tokenizer = pre_tokenizers.Whitespace()

    def several(t):
        cls, sep = t.token_to_id("[CLS]"), t.token_to_id("[SEP]")
        t.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=True),
            processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", cls), ("[SEP]", sep)])])

    def only_bytes(t):
        t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.ByteLevel(trim_offsets=True)])

    add("whitespace", whitespace, mixed + texts + every)
    add("whitespace-split", lambda t: setattr(t, "pre_tokenizer", pre_tokenizers.WhitespaceSplit()), mixed + texts)
    add("single words", lambda t: None, mixed + texts)
    add("several post-processors", several, mixed + texts, strips=False)
    add("byte level alone", only_bytes, mixed, strips=False)
    return made


def normal_form(name, texts):
    """Characters by themselves, so that offsets show what the form made of each."""
    form = getattr(normalizers, name)()
    known = sorted({c for text in texts for c in form.normalize_str(text)})
    t = Tokenizer(models.Unigram([("<unk>", 0.0)] + [(c, -1.0) for c in known], unk_id=0))
    t.normalizer = form
    return t


def by_hand(t, characters):
    """The package's own normalisation, character by character, before theirs."""
    plain = asked_of(t)

    def normal(text):
        out, places = "", []
        for i, c in enumerate(text):
            for d in characters.get(c, c):
                if d == " " and out.endswith(" "):
                    continue
                out += d
                places.append(i)
        return out, places

    def encode(a):
        if a.get("in_text"):
            return None
        first, second = normal(a["a"]), normal(a["b"]) if a.get("b") is not None else None
        done = plain({**a, "a": first[0], **({"b": second[0]} if second else {})})
        if done is None:
            return None
        ids, types, offsets, sides = done
        back = []
        for (b, e), side in zip(offsets, sides):
            places = (second if side == 1 else first)[1]
            back.append((places[b], places[e - 1] + 1) if e > b else (0, 0))
        return ids, types, back, sides
    return encode


def without_typed(t):
    """Specials have another text here than in the file: those that a text holds are left out."""
    encode = asked_of(t)
    return lambda a: None if a.get("in_text") else encode(a)


def speed(name, kind, file, tokenizer, texts):
    """Tokens a second on one thread, theirs in one batch call, each the best of its runs."""
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as out:
        out.write("\n".join(t.replace("\r", " ") for t in texts) + "\n")
        out.flush()
        best = 0
        for _ in range(3):
            began = time.monotonic()
            tokens = sum(len(e.ids) for e in tokenizer.encode_batch_fast(texts))
            best = max(best, tokens / (time.monotonic() - began))
        ours = float(subprocess.run([PROGRAM, kind, file, out.name], capture_output=True, text=True, check=True).stdout)
    print(f"{name}: ours {ours:,.0f} tokens/s, tokenizers {best:,.0f}, ratio {ours / best:.2f} (target 2)")


def main():
    texts, extra = lines(), hostile()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        pairs = []
        for kind, lowercase in (("vocab", True), ("vocab-cased", False)):
            pairs.append((f"BERT, {kind}", kind, VOCAB, bert(lowercase), None))
            bert(lowercase).save(str(folder / f"{kind}.json"))
            pairs.append((f"BERT, {kind} as tokenizer.json", "json", folder / f"{kind}.json", bert(lowercase), None))
        if sys.argv[2:] != ["speed"]:
            some = [x for x in texts[:2000] + extra if "\0" not in x]
            for name in ("NFD", "NFC", "NFKD", "NFKC"):
                t = normal_form(name, some)
                t.save(str(folder / f"{name}.json"))
                wrong += compare(name, "json", folder / f"{name}.json", asked_of(t), [{"a": x} for x in some])
            for name, file, t, asked in odd(folder, texts[:2000] + extra):
                wrong += compare(name, "json", file, asked_of(t), [{"a": a, "in_text": i % 3 == 0} for i, a in enumerate(asked)]
                                 + [{"a": a, "b": b, "max": 12} for a, b in zip(asked[:500], asked[500:1000])])
        if PACKAGE.is_file():
            pieces, scores, characters = read_package()
            t = unigram(pieces, scores, split=False)
            pairs.append(("unigram, the package", "package", PACKAGE, t, by_hand(t, characters)))
            compiled = charsmap(characters)
            t = unigram(pieces, scores)
            t.normalizer = normalizers.Sequence([normalizers.Precompiled(compiled), normalizers.Replace(__import__("tokenizers").Regex(" {2,}"), " ")])
            t.save(str(folder / "unigram.json"))
            pairs.append(("unigram, tokenizer.json", "json", folder / "unigram.json", t, None))
            # XLM-R's own file: transformers' XLMRobertaTokenizer gives its piece i the id i + 1, which are the package's ids.
            assert pieces[:4] == ["<s>", "<pad>", "</s>", "<unk>"] and pieces[-1] == "<mask>", "the package is not in XLM-R's order"
            (folder / "sentencepiece.bpe.model").write_bytes(sentencepiece(pieces, scores, compiled))
            t = unigram(pieces, scores)
            t.normalizer = normalizers.Sequence([normalizers.Precompiled(compiled), normalizers.Strip(),
                                                 normalizers.Replace(__import__("tokenizers").Regex(" {2,}"), " ")])
            pairs.append(("unigram, XLM-R's sentencepiece", "xlm-roberta", folder / "sentencepiece.bpe.model", t,
                          without_typed(t)))
        else:
            print(f"unigram: skipped: {PACKAGE} is not there (./dev setup)")
        for name, kind, file, tokenizer, encode in pairs:
            if sys.argv[2:] == ["speed"]:
                if not kind.endswith("cased"):
                    speed(name, kind, file, tokenizer, texts)
            else:
                wrong += compare(name, kind, file, encode or asked_of(tokenizer), requests(texts, extra))
    return 1 if wrong else 0


if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    sys.exit(main())
