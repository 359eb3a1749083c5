"""`bench/run texts`: one long text over HTTP, what hostile requests cost, and an index of near-duplicates that stays."""
import array
import functools
import json
import os
import pathlib
import random
import statistics
import threading
import time

TEXTS = int(os.environ.get("BENCH_DUPLICATES", "1000000"))
SECONDS = int(os.environ.get("BENCH_DUPLICATES_SECONDS", "3600"))
CALL = 20_000


def memory_mb(pid, what="VmRSS"):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) / 1e3
    return 0


class Peak:
    """The most memory a process holds while this is open, sampled every few milliseconds."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        self.before = self.most = memory_mb(self.pid)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        return self

    def watch(self):
        while not self.over.wait(0.005):
            self.most = max(self.most, memory_mb(self.pid))

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def long_text(harness):
    """The same text on one thread and on two: milliseconds by the client's clock, and whether the vectors are the same."""
    seen = {}
    for threads in (1, 2):
        server = harness.Server(f'log_level = "warning"\n[language]\nthreads = {threads}\n')
        try:
            server.start()
            for tokens in (16, 128, 512):
                row = [0] + [5 + (i * 37) % 20_000 for i in range(tokens - 2)] + [2]
                body = {"input": [row], "encoding_format": "base64"}
                server.ok("POST", "/v1/embeddings", body)
                times = []
                for _ in range(15):
                    began = time.perf_counter()
                    vector = server.ok("POST", "/v1/embeddings", body)["data"][0]["embedding"]
                    times.append((time.perf_counter() - began) * 1e3)
                seen[tokens, threads] = (min(times), statistics.median(times), vector)
        finally:
            server.close()
    for tokens in (16, 128, 512):
        (one, one_half, a), (two, two_half, b) = seen[tokens, 1], seen[tokens, 2]
        print(f"  one text of {tokens} tokens over HTTP: {one:.1f} ms (median {one_half:.1f}) with one thread, {two:.1f} ({two_half:.1f}) with two: "
              f"{one / two:.2f} times as fast, {'the same bits' if a == b else 'OTHER BITS'}", flush=True)


def hostile(harness):
    """Too many texts, texts of 10 MB, and the most that is allowed: answer, time, and the server's memory."""
    server = harness.Server('log_level = "warning"\n')
    try:
        server.start()
        pid = server.process.child.pid
        server.ok("POST", "/v1/embeddings", {"input": "今天天气很好"})
        server.ok("POST", "/v1/analyze", {"texts": ["今天天气很好"]})
        ten = "好" * (10_000_000 // 3)
        requests = [
            ("100,000 texts", "/v1/embeddings", {"input": ["今天天气很好"] * 100_000}),
            ("100,000 texts", "/v1/analyze", {"texts": ["今天天气很好"] * 100_000}),
            ("10 MB of one character", "/v1/embeddings", {"input": ten}),
            ("8 MB of one character", "/v1/embeddings", {"input": ten[:2_650_000]}),
            ("8 MB of one character, not to be cut", "/v1/embeddings", {"input": ten[:2_650_000], "truncate": False}),
            ("10 MB of one character", "/v1/analyze", {"texts": [ten]}),
            ("2,048 texts of one token", "/v1/embeddings", {"input": ["好"] * 2048, "encoding_format": "base64"}),
            ("8 MB of one character", "/v1/analyze", {"texts": [ten[:2_650_000]]}),
            ("124 texts of 64 KB of one character", "/v1/analyze", {"texts": ["好" * 21_000] * 124}),
        ]
        for what, path, body in requests:
            data = json.dumps(body, ensure_ascii=False).encode()
            with Peak(pid) as peak:
                began = time.perf_counter()
                answer = server.send("POST", path, data.decode())
                took = time.perf_counter() - began
            words = answer.body[:140].decode("utf-8", "replace").replace("\n", " ")
            print(f"  {path}, {what} ({len(data) / 1e6:.1f} MB): {answer.status} after {took:.2f} s, memory {peak.before:.0f}, at most {peak.most:.0f} MB, "
                  f"then {memory_mb(pid):.0f}; {words if answer.status >= 400 else ''}", flush=True)
        server.ok("POST", "/v1/embeddings", {"input": "还在"})
    finally:
        server.close()


LETTERS = [chr(0x4E00 + i % 6000) for i in range(65536)]
LENGTH = 22


@functools.lru_cache(maxsize=64)
def texts_of(first, count=CALL):
    """Texts of random characters, the same for the same `first`."""
    letters = "".join(map(LETTERS.__getitem__, array.array("H", random.Random(first).randbytes(2 * LENGTH * count))))
    return [letters[i:i + LENGTH] for i in range(0, len(letters), LENGTH)]


def duplicates(harness, texts=TEXTS):
    """Texts added over HTTP, then asked for: rate, sizes, memory and time of a question."""
    server = harness.Server('log_level = "warning"\n')
    try:
        server.start()
        pid = server.process.child.pid
        server.ok("POST", "/v1/duplicates/indexes", {"name": "many"})
        began, inside = time.monotonic(), 0.0
        for first in range(0, texts, CALL):
            rows = [{"id": f"r{first + i}", "text": text} for i, text in enumerate(texts_of(first))]
            body = json.dumps({"texts": rows}, ensure_ascii=False)
            asked = time.monotonic()
            server.ok("POST", "/v1/duplicates/indexes/many/texts", body)
            inside += time.monotonic() - asked
            if time.monotonic() - began > SECONDS:
                texts = first + CALL
                print(f"    stopped after {SECONDS} s", flush=True)
                break
            if first // CALL % 50 == 49:
                print(f"    {first + CALL:,} after {time.monotonic() - began:.0f} s, {memory_mb(pid):.0f} MB", flush=True)
        print(f"  {texts:,} texts added, {CALL:,} a call: {texts / inside:,.0f}/s in the server ({inside:.0f} s)", flush=True)

        def ask(count, each):
            """Milliseconds of calls with `each` texts that differ from stored ones in one character; how many are found."""
            times, found = [], 0
            for k in range(count):
                first = k % 40 * 7919 % (texts // CALL) * CALL
                stored = texts_of(first)
                numbers = [(k * 31 + j) * 13 % CALL for j in range(each)]
                body = {"texts": [stored[i][:-1] + "的" for i in numbers]}
                asked = time.perf_counter()
                items = server.ok("POST", "/v1/duplicates/indexes/many/search", body)["items"]
                times.append((time.perf_counter() - asked) * 1e3)
                found += sum(any(n["id"] == f"r{first + i}" for n in item["near"]) for i, item in zip(numbers, items))
            return times, found / (count * each)

        asked = time.monotonic()
        ask(1, 1)
        print(f"  the first question: {time.monotonic() - asked:.1f} s", flush=True)
        def table_bytes():
            return sum(f.stat().st_size for f in (server.folder / "data/duplicates").rglob("*") if f.is_file())

        size, same, deadline = table_bytes(), 0, time.monotonic() + 600
        while same < 4 and time.monotonic() < deadline:  # it is made in the background
            time.sleep(3)
            before, size = size, table_bytes()
            same = same + 1 if size == before else 0
        one, share = ask(200, 1)
        many, share_many = ask(20, 1000)
        one.sort()
        state = sum(f.stat().st_size for f in (server.folder / "data").glob("state*"))
        print(f"  a question of one text: median {one[100]:.1f} ms, 99 % {one[198]:.1f} ms, {share:.1%} found; of a thousand: {statistics.median(many):.0f} ms, "
              f"{share_many:.1%} found", flush=True)
        print(f"  state {state / 1e6:,.0f} MB ({state / texts:.0f} bytes a text), table {size / 1e6:,.0f} MB ({size / texts:.0f}); the server holds "
              f"{memory_mb(pid):,.0f} MB, {memory_mb(pid, 'RssAnon'):,.0f} of it its own", flush=True)
        server.process.stop()
        began = time.monotonic()
        server.start()
        ready = time.monotonic() - began
        asked = time.monotonic()
        ask(1, 1)
        print(f"  after a restart: ready after {ready:.2f} s, the first question {time.monotonic() - asked:.2f} s", flush=True)
    finally:
        server.close()


def bench(harness):
    print("texts over HTTP")
    long_text(harness)
    hostile(harness)
    duplicates(harness)
