"""Writes records straight into an event log file (docs/formats/event-log.md), as another program might. Only while nobody serves."""
import sqlite3
import struct

P1, P2, P3, P4, P5 = 11400714785074694791, 14029467366897019727, 1609587929392839161, 9650029242287828579, 2870177450012600261
MASK = (1 << 64) - 1


def _rotated(x, r):
    return ((x << r) | (x >> (64 - r))) & MASK


def _round(acc, lane):
    return _rotated((acc + lane * P2) & MASK, 31) * P1 & MASK


def xxh64(data):
    """Seed 0."""
    at, n = 0, len(data)
    if n >= 32:
        lanes = [(P1 + P2) & MASK, P2, 0, -P1 & MASK]
        while at + 32 <= n:
            for i, word in enumerate(struct.unpack_from("<4Q", data, at)):
                lanes[i] = _round(lanes[i], word)
            at += 32
        h = sum(_rotated(v, r) for v, r in zip(lanes, (1, 7, 12, 18))) & MASK
        for v in lanes:
            h = ((h ^ _round(0, v)) * P1 + P4) & MASK
    else:
        h = P5
    h = (h + n) & MASK
    while at + 8 <= n:
        h = (_rotated(h ^ _round(0, struct.unpack_from("<Q", data, at)[0]), 27) * P1 + P4) & MASK
        at += 8
    if at + 4 <= n:
        h = (_rotated(h ^ (struct.unpack_from("<I", data, at)[0] * P1 & MASK), 23) * P2 + P3) & MASK
        at += 4
    for byte in data[at:]:
        h = _rotated(h ^ (byte * P5 & MASK), 11) * P1 & MASK
    h = (h ^ (h >> 33)) * P2 & MASK
    h = (h ^ (h >> 29)) * P3 & MASK
    return h ^ (h >> 32)


def append(file, records):
    """`records`: (partition, bytes). Into the stream of events."""
    assert xxh64(b"") == 0xEF46DB3751D8E999 and xxh64(b"abc") == 0x44BC2CF5AD770999
    db = sqlite3.connect(file)
    with db:
        first, last = db.execute("SELECT next, last FROM stream WHERE id = 1").fetchone()
        ends = list(struct.unpack("<64q", last))
        body = struct.pack("<qI", first, len(records))
        for i, (partition, record) in enumerate(records):
            body += struct.pack("<BI", partition, len(record)) + record
            ends[partition] = first + i
        chunk = b"\x01" + struct.pack("<Q", xxh64(body)) + body
        db.execute("INSERT INTO chunk_1(first, count, bytes) VALUES(?, ?, ?)", (first, len(records), chunk))
        db.execute("UPDATE stream SET next = ?, last = ? WHERE id = 1", (first + len(records), struct.pack("<64q", *ends)))
    db.close()
