#!/usr/bin/env python3
"""Makes english_pieces.txt: pieces of the default encoder's vocabulary that common English words fall into.

usage: english_pieces.py PACKAGE > english_pieces.txt     (PACKAGE: the default encoder's e5-small-q4.bin)

The words are those in most manual pages that Debian installs; a word counts once a page, so that no page's subject leads.
Needs the PyPI package tokenizers.
"""
import collections
import gzip
import pathlib
import re
import struct
import sys

from tokenizers import Tokenizer, models

WORDS = 12000
PIECES = 3000


def pieces_of(path):
    data = open(path, "rb").read()
    count, = struct.unpack_from("<i", data, 44)
    offsets = struct.unpack_from(f"<{count + 1}I", data, 72)
    scores = struct.unpack_from(f"<{count}f", data, 72 + 4 * (count + 1))
    text = 72 + 4 * (count + 1) + 4 * count
    return [(data[text + offsets[i]:text + offsets[i + 1]].decode(), scores[i]) for i in range(count)]


def words():
    pages = collections.Counter()
    for page in sorted(pathlib.Path("/usr/share/man").glob("man[1-8]/*.gz")):
        text = gzip.open(page, "rt", errors="replace").read(1 << 18)
        text = re.sub(r"\\f.|\\-|^\.[A-Za-z]+", " ", text, flags=re.M)
        pages.update({w for w in re.findall(r"(?<![\w/.])[A-Za-z][a-z]{1,14}(?![\w/])", text)})
    return [word for word, _ in sorted(pages.items(), key=lambda item: (-item[1], item[0]))[:WORDS]]


def main():
    table = pieces_of(sys.argv[1])
    tokeniser = Tokenizer(models.Unigram([(piece, score) for piece, score in table], 3, False))
    kept = set()
    for word in words():
        for form in (word, word.lower(), word.capitalize()):
            kept.update(p for p in tokeniser.encode("▁" + form, add_special_tokens=False).tokens)
    likely = sorted((-score, piece) for piece, score in table if piece in kept and re.fullmatch("▁?[A-Za-z]+", piece))[:PIECES]
    chosen = {piece for _, piece in likely}
    for piece, _ in table:
        if piece in chosen:
            print(piece)


if __name__ == "__main__":
    main()
