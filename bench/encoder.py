"""The encoder engine beside ONNX Runtime's dynamic int8, oneDNN's products and the processor's peak, on one thread.

Run by bench/run encoder with build/venv's Python (onnx, onnxruntime, tokenizers, numpy). Everything counts the processor's
time of the one working thread; every figure is the best of several runs, so that neighbours do not decide.
"""
import csv
import gzip
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import time

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnxruntime  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from tokenizers import Tokenizer, models  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "build/deps/encoder/e5-small-q4.bin"
SHARED = pathlib.Path(os.environ.get("ZHIYIN_SHARED", ROOT.parent / "shared"))
TEXTS = int(os.environ.get("BENCH_ENCODER_TEXTS", "320"))
BASE_TEXTS = int(os.environ.get("BENCH_ENCODER_BASE_TEXTS", "64"))


class Package:
    """What the default encoder's file holds (src/model/encoder/encoder_package.h), as numpy arrays."""

    def __init__(self, path):
        self.data = path.read_bytes()
        b = self.data
        self.width, self.layers, self.heads, self.inner = struct.unpack_from("<4i", b, 8)
        self.epsilon, = struct.unpack_from("<f", b, 36)
        count, = struct.unpack_from("<i", b, 44)
        text_bytes, = struct.unpack_from("<Q", b, 64)
        ends = struct.unpack_from(f"<{count + 1}I", b, 72)
        at = 72 + 4 * (count + 1)
        self.scores = struct.unpack_from(f"<{count}f", b, at)
        at += 4 * count
        self.pieces = [b[at + ends[i]:at + ends[i + 1]].decode() for i in range(count)]
        at += text_bytes
        entries, _ = struct.unpack_from("<iI", b, at)
        at += 8
        self.characters = {}
        for _ in range(entries):
            code, n = struct.unpack_from("<IB", b, at)
            self.characters[code] = "".join(map(chr, struct.unpack_from(f"<{n}I", b, at + 5)))
            at += 5 + 4 * n
        tensors, = struct.unpack_from("<i", b, at)
        at += 4
        self.places = {}
        for _ in range(tensors):
            n, = struct.unpack_from("<H", b, at)
            self.places[b[at + 2:at + 2 + n].decode()] = struct.unpack_from("<BIQQ", b, at + 2 + n)
            at += 2 + n + 21

    def tensor(self, name):
        four_bit, elements, offset, size = self.places[name]
        if not four_bit:
            return np.frombuffer(self.data, "<f4", elements, offset)
        blocks = np.frombuffer(self.data, "u1", size, offset).reshape(-1, 18)
        scale = blocks[:, :2].copy().view("<f2").astype("f4")
        return ((np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], 1).astype("f4") - 8) * scale).reshape(-1)

    def tokeniser(self):
        inner = Tokenizer(models.Unigram(list(zip(self.pieces, self.scores)), 3, False))

        def encode(text):
            text = re.sub(" +", " ", "".join(self.characters.get(ord(c), c) for c in text))
            text = (text if text.startswith(" ") else " " + text).replace(" ", "\u2581")
            return [0] + inner.encode(text, add_special_tokens=False).ids[:510] + [2]

        return encode


class Made:
    """BERT-base with made weights: only the speed is looked at."""
    width, layers, heads, inner, epsilon = 768, 12, 12, 3072, 1e-12

    def tensor(self, name):
        sizes = {"emb.word": 21128 * 768, "emb.pos": 512 * 768, "emb.type": 2 * 768}
        part = name.split(".", 1)[1]
        size = sizes.get(name) or {"fi.w": 768 * 3072, "fo.w": 768 * 3072, "fi.b": 3072}.get(part) or (768 * 768 if part in ("q.w", "k.w", "v.w", "ao.w") else 768)
        numbers = np.random.default_rng(len(name)).uniform(-0.05, 0.05, size).astype("f4")
        return numbers + 1 if "ln.w" in name else numbers


def graph(source):
    """The usual dynamic int8 graph: DynamicQuantizeLinear and MatMulInteger, weights with a scale per column, 6 products a layer."""
    nodes, tensors = [], []
    H, heads = source.width, source.heads

    def constant(name, array):
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(kind, inputs, outputs=1, **attributes):
        names = [f"n{len(nodes)}_{i}" for i in range(outputs)]
        nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def quantised(x):
        return add("DynamicQuantizeLinear", [x], 3)

    def linear(q, name, out, inputs):
        bytes_, scale, zero = q
        weights = source.tensor(name + ".w").reshape(out, inputs)
        scales = np.maximum(np.abs(weights).max(1) / 127, 1e-12).astype("f4")
        columns = np.round(weights / scales[:, None]).astype("i1").T
        product = add("MatMulInteger", [bytes_, constant(name + ".q", columns), zero])
        product = add("Mul", [add("Cast", [product], to=TensorProto.FLOAT), add("Mul", [scale, constant(name + ".s", scales)])])
        return add("Add", [product, constant(name + ".b", source.tensor(name + ".b"))])

    def norm(x, name):
        return add("LayerNormalization", [x, constant(name + ".g", source.tensor(name + ".w")), constant(name + ".h", source.tensor(name + ".b"))],
                   axis=-1, epsilon=max(source.epsilon, 1e-12))

    word = source.tensor("emb.word").reshape(-1, H)
    x = add("Gather", [constant("word", word), "ids"])
    x = add("Add", [x, add("Gather", [constant("pos", source.tensor("emb.pos").reshape(-1, H)), "positions"])])
    x = norm(add("Add", [x, constant("type", source.tensor("emb.type")[:H])]), "emb.ln")
    split = constant("split", np.array([0, 0, heads, H // heads], "i8"))
    merge = constant("merge", np.array([0, 0, H], "i8"))
    root = constant("root", np.array((H // heads) ** -0.5, "f4"))
    halves = [constant("half", np.array(0.5, "f4")), constant("one", np.array(1, "f4")), constant("sqrt2", np.array(2 ** 0.5, "f4"))]
    for l in range(source.layers):
        q = quantised(x)
        parts = [add("Reshape", [linear(q, f"l{l}.{n}", H, H), split]) for n in "qkv"]
        query, value = (add("Transpose", [parts[i]], perm=[0, 2, 1, 3]) for i in (0, 2))
        key = add("Transpose", [parts[1]], perm=[0, 2, 3, 1])
        scores = add("Add", [add("Mul", [add("MatMul", [query, key]), root]), "mask"])
        context = add("MatMul", [add("Softmax", [scores], axis=-1), value])
        context = add("Reshape", [add("Transpose", [context], perm=[0, 2, 1, 3]), merge])
        x = norm(add("Add", [x, linear(quantised(context), f"l{l}.ao", H, H)]), f"l{l}.aln")
        inner = linear(quantised(x), f"l{l}.fi", source.inner, H)
        erf = add("Add", [add("Erf", [add("Div", [inner, halves[2]])]), halves[1]])
        inner = add("Mul", [add("Mul", [inner, erf]), halves[0]])
        x = norm(add("Add", [x, linear(quantised(inner), f"l{l}.fo", H, source.inner)]), f"l{l}.oln")
    nodes[-1].output[0] = "out"
    inputs = [helper.make_tensor_value_info("ids", TensorProto.INT64, ["b", "s"]), helper.make_tensor_value_info("positions", TensorProto.INT64, ["s"]),
              helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["b", 1, 1, "s"])]
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["b", "s", H])
    model = helper.make_model(helper.make_graph(nodes, "encoder", inputs, [output], tensors), opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return model


def session(source, folder):
    path = pathlib.Path(folder) / f"{type(source).__name__}.onnx"
    onnx.save(graph(source), path, save_as_external_data=True, location=path.name + ".data")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run_batch(one, texts):
    longest = max(map(len, texts))
    ids = np.ones((len(texts), longest), "i8")
    mask = np.full((len(texts), 1, 1, longest), -1e9, "f4")
    for i, text in enumerate(texts):
        ids[i, :len(text)] = text
        mask[i, :, :, :len(text)] = 0
    return one.run(None, {"ids": ids, "positions": np.arange(longest), "mask": mask})[0]


def seconds(one, batches, repeats):
    best = float("inf")
    for _ in range(repeats):
        began = time.thread_time()
        for batch in batches:
            run_batch(one, batch)
        best = min(best, time.thread_time() - began)
    return best


def arrangements(texts):
    by_length = sorted(texts, key=len)
    return {"arrival order, batches of 32": [texts[i:i + 32] for i in range(0, len(texts), 32)],
            "one at a time": [[t] for t in texts],
            "sorted by length, batches of 32": [by_length[i:i + 32] for i in range(0, len(texts), 32)]}


def rows(name):
    folder = SHARED / "data/text/sentiment"
    if name == "ChnSentiCorp":
        return [line.split("\t", 1)[1] for line in open(folder / "chnsenticorp_dev.tsv", encoding="utf-8") if "\t" in line]
    if name == "waimai":
        return [r[1] for r in csv.reader(open(folder / "waimai_train.csv", encoding="utf-8"))][1:]
    return [r[2] for r in csv.reader(gzip.open(folder / "online_shopping_train.csv.gz", "rt", encoding="utf-8"))][1:]


def sample(texts, count):
    return texts[::max(1, len(texts) // count)][:count]


def program(build, *words):
    done = subprocess.run([build / "src/model/encoder/encoder_bench", *map(str, words)], check=True, capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def compare(build, one, encoder, texts, name, folder):
    """One set: ONNX Runtime's three arrangements beside ours."""
    file = pathlib.Path(folder) / "ids"
    file.write_text("\n".join(" ".join(map(str, t)) for t in texts) + "\n")
    tokens = sum(map(len, texts))
    ours, = program(build, "ids", encoder, file)
    theirs = {how: tokens / seconds(one, batches, 2) for how, batches in arrangements(texts).items()}
    print(f"  {name}: {len(texts)} texts, {tokens / len(texts):.0f} tokens each; packed {ours['tokens_per_second']:,.0f} tokens/s ({ours['gops']:.0f} GOP/s), "
          f"one at a time {ours['single_tokens_per_second']:,.0f}")
    for how, speed in theirs.items():
        print(f"    ONNX Runtime int8, {how}: {speed:,.0f} tokens/s, ratio {ours['tokens_per_second'] / speed:.2f}")
    return ours


def base_shape(build, peak, folder):
    roof = {r["precision"]: r["roof_gops"] for r in program(build, "roof", 768, 3072)}
    print(f"BERT-base shape: oneDNN's products int8 {roof['int8']:.0f}, float32 {roof['float32']:.0f} GOP/s")
    # The weights of its products: whoever encodes few tokens cannot be quicker than they are read.
    for name, megabytes in (("int8", 85), ("float32", 340)):
        read, = program(build, "memory", megabytes)
        print(f"  {megabytes} MB of {name} weights are read in {read['milliseconds']:.1f} ms ({read['gigabytes_per_second']:.1f} GB/s)")
    for precision in ("int8", "float32"):
        for r in program(build, "made", precision):
            peak_gops = peak["float_gops"] if precision == "float32" else peak["amx_gops"] if r["kernels"].startswith("amx") else peak["int8_gops"]
            # Attention is floats in either precision: what products and attention take at their peaks, of the time.
            both = r["gops"] / peak_gops + r["attention_gops"] / peak["float_gops"]
            print(f"  {precision}, {r['tokens']} tokens: {r['milliseconds']:.1f} ms, {r['tokens_per_second']:,.0f} tokens/s, {r['gops']:.0f} GOP/s = "
                  f"{r['gops'] / roof[precision]:.2f} of the products, {r['gops'] / peak_gops:.2f} of the peak, with attention {both:.2f} ({r['kernels']})")
    return roof


def main():
    build = pathlib.Path(sys.argv[1])
    peak, = program(build, "peaks")
    print(f"encoder, one thread: register peak int8 {peak['int8_gops']:.0f}, float32 {peak['float_gops']:.0f} GOP/s"
          + (f", AMX {peak['amx_gops']:.0f} GOP/s" if "amx_gops" in peak else "") + f"; ONNX Runtime {onnxruntime.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        base_shape(build, peak, folder)
        if not PACKAGE.is_file():
            print(f"  default encoder skipped: {PACKAGE} is missing")
            return
        package = Package(PACKAGE)
        encode = package.tokeniser()
        small = session(package, folder)
        roof = program(build, "roof", 384, 1536)[0]["roof_gops"]
        print(f"default encoder: oneDNN's int8 products {roof:.0f} GOP/s")
        query = pathlib.Path(folder) / "query"
        query.write_text(" ".join(["0"] + ["6000"] * 14 + ["2"]) + "\n")
        ours, = program(build, "ids", PACKAGE, query)
        theirs = min(seconds(small, [[[0] + [6000] * 14 + [2]]], 1) for _ in range(30)) * 1e3
        print(f"  16 tokens: {ours['single_milliseconds']:.2f} ms, ONNX Runtime {theirs:.2f} ms, ratio {ours['single_milliseconds'] / theirs:.2f} (target 0.65)")
        if not (SHARED / "data/text").is_dir():
            print(f"  sets skipped: {SHARED / 'data/text'} is missing")
            return
        sets = {name: [encode(t) for t in sample(rows(name), TEXTS)] for name in ("ChnSentiCorp", "waimai", "online_shopping")}
        for name, texts in sets.items():
            result = compare(build, small, PACKAGE, texts, name, folder)
            print(f"    of oneDNN's products: {result['gops'] / roof:.2f}")
        print("BERT-base shape on the same texts")
        base = session(Made(), folder)
        for name, texts in sets.items():
            compare(build, base, "made", [[i % 21128 for i in t] for t in texts[:BASE_TEXTS]], name, folder)


if __name__ == "__main__":
    main()
