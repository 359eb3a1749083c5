#!/usr/bin/env python3
"""Makes the outputs that encoder_golden_test.cc compares with, by PyTorch: testdata/golden.txt.

usage: golden.py PACKAGE > testdata/golden.txt     (PACKAGE: the default encoder's e5-small-q4.bin)

Needs Debian's python3-torch. Weights of the small encoders are drawn as detail/small_encoders.cc draws them (splitmix64);
the forward pass is PyTorch's own: nn.functional's linear, layer_norm, gelu, softmax, in float32.
"""
import struct
import sys

import numpy as np
import torch
from torch.nn import functional as F


class Random:
    def __init__(self, seed):
        self.state = seed

    def uniforms(self, count):
        with np.errstate(over="ignore"):
            steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
            z = np.uint64(self.state) + steps
            self.state = int(z[-1]) if count else self.state
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = z ^ (z >> np.uint64(31))
        return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def drawn(self, shape, middle, scale):
        u = self.uniforms(int(np.prod(shape)))
        return torch.tensor((np.float32(middle) + ((u * 2 - 1) * scale).astype(np.float32)).reshape(shape))


def small_weights(s, seed):
    r, w = Random(seed), {}
    H, I = s["width"], s["inner"]

    def linear(name, out, inputs):
        w[name + ".w"] = r.drawn((out, inputs), 0, np.float64(np.float32(0.3)))
        w[name + ".b"] = r.drawn((out,), 0, np.float64(np.float32(0.1)))

    def norm(name):
        w[name + ".w"] = r.drawn((H,), 1, np.float64(np.float32(0.2)))
        w[name + ".b"] = r.drawn((H,), 0, np.float64(np.float32(0.1)))

    w["emb.word"] = r.drawn((s["vocabulary"], H), 0, 1.0)
    w["emb.pos"] = r.drawn((s["positions"], H), 0, np.float64(np.float32(0.3)))
    w["emb.type"] = r.drawn((s["token_types"], H), 0, np.float64(np.float32(0.3)))
    norm("emb.ln")
    for l in range(s["layers"]):
        for name in ("q", "k", "v", "ao"):
            linear(f"l{l}.{name}", H, H)
        norm(f"l{l}.aln")
        linear(f"l{l}.fi", I, H)
        linear(f"l{l}.fo", H, I)
        norm(f"l{l}.oln")
    return w


def package_weights(path):
    b = open(path, "rb").read()
    H, L, heads, I, _, P, T = struct.unpack_from("<7i", b, 8)
    eps, = struct.unpack_from("<f", b, 36)
    at = 4581437
    _, size = struct.unpack_from("<iI", b, at)
    at += 8 + size
    count, = struct.unpack_from("<i", b, at)
    at += 4
    w = {}
    for _ in range(count):
        n, = struct.unpack_from("<H", b, at)
        name = b[at + 2:at + 2 + n].decode()
        kind, elements, offset, size = struct.unpack_from("<BIQQ", b, at + 2 + n)
        at += 2 + n + 21
        if kind == 0:
            flat = np.frombuffer(b, "<f4", elements, offset).copy()
        else:
            blocks = np.frombuffer(b, "u1", size, offset).reshape(-1, 18)
            scale = blocks[:, :2].copy().view("<f2").astype("f4")
            flat = ((np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], 1).astype("f4") - 8) * scale).reshape(-1)
        width = {"fo.w": I}.get(name.split(".", 1)[1], H)
        w[name] = torch.tensor(flat.reshape(-1, width) if name.count(".w") and "ln" not in name or name in ("emb.word", "emb.pos", "emb.type") else flat)
    return dict(width=H, layers=L, heads=heads, inner=I, position_offset=0, epsilon=eps), w


def forward(s, w, ids, types):
    H, heads = s["width"], s["heads"]
    d, L = H // heads, len(ids)
    norm = lambda x, n: F.layer_norm(x, (H,), w[n + ".w"], w[n + ".b"], s["epsilon"])
    x = w["emb.word"][ids] + w["emb.type"][types] + w["emb.pos"][s["position_offset"]:s["position_offset"] + L]
    x = norm(x, "emb.ln")
    for l in range(s["layers"]):
        q, k, v = (F.linear(x, w[f"l{l}.{n}.w"], w[f"l{l}.{n}.b"]).view(L, heads, d).transpose(0, 1) for n in "qkv")
        share = torch.softmax(q @ k.transpose(1, 2) / d**0.5, -1)
        context = (share @ v).transpose(0, 1).reshape(L, H)
        x = norm(x + F.linear(context, w[f"l{l}.ao.w"], w[f"l{l}.ao.b"]), f"l{l}.aln")
        inner = F.gelu(F.linear(x, w[f"l{l}.fi.w"], w[f"l{l}.fi.b"]))
        x = norm(x + F.linear(inner, w[f"l{l}.fo.w"], w[f"l{l}.fo.b"]), f"l{l}.oln")
    return x


SMALL = {
    "bert": (dict(width=48, layers=2, heads=3, inner=96, vocabulary=50, positions=40, token_types=2, position_offset=0, epsilon=1e-12), 1),
    "xlm-roberta": (dict(width=40, layers=3, heads=4, inner=80, vocabulary=60, positions=34, token_types=1, position_offset=2, epsilon=1e-5), 2),
    "narrow": (dict(width=52, layers=1, heads=4, inner=70, vocabulary=30, positions=70, token_types=2, position_offset=0, epsilon=1e-12), 3),
}
TEXTS = [([1, 5, 9, 2], []), ([4], []), ([1, 7, 8, 3, 3, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 11, 12, 13, 2], []),
         ([1, 6, 2, 8, 9, 2], [0, 0, 0, 1, 1, 1])]
# 今天天气不错, a question with a pair of rare pieces, and one of 70 tokens: ids of the whole vocabulary.
PACKAGE_TEXTS = [[0, 6, 31020, 11406, 5299, 2], [0, 6, 44930, 4, 1268, 32, 2], [0] + [6 + 37 * i for i in range(1, 69)] + [2]]


def main():
    torch.set_grad_enabled(False)
    for name, (shape, seed) in SMALL.items():
        weights = small_weights(shape, seed)
        for ids, types in TEXTS:
            if types and shape["token_types"] < 2:
                continue
            x = forward(shape, weights, torch.tensor(ids), torch.tensor(types or [0] * len(ids)))
            print(name, ",".join(map(str, ids)), ",".join(map(str, types)) or "-", " ".join(f"{v:.7g}" for v in x.mean(0).tolist()))
    shape, weights = package_weights(sys.argv[1])
    for ids in PACKAGE_TEXTS:
        x = forward(shape, weights, torch.tensor(ids), torch.zeros(len(ids), dtype=torch.long))
        print("package", ",".join(map(str, ids)), "-", " ".join(f"{v:.7g}" for v in x.mean(0).tolist()))


if __name__ == "__main__":
    main()
