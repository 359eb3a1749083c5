"""`bench/run texts`: one long text over HTTP, what hostile requests cost, and an index of near-duplicates that stays."""
import json
import os
import pathlib
import statistics
import threading
import time

TEXTS = int(os.environ.get("BENCH_DUPLICATES", "1000000"))
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
            ("10 MB of one character, refused where too long", "/v1/embeddings", {"input": ten, "truncate": False}),
            ("10 MB of one character", "/v1/analyze", {"texts": [ten]}),
            ("2,048 texts of one token", "/v1/embeddings", {"input": ["好"] * 2048, "encoding_format": "base64"}),
            ("512 texts of 64 KB of one character", "/v1/analyze", {"texts": ["好" * 21_000] * 512, "tasks": ["language", "keywords", "masked"]}),
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


PLACES = ["北京", "上海", "广州", "成都", "杭州", "武汉", "西安", "南京", "重庆", "苏州"]
THINGS = ["外卖", "手机", "衣服", "酒店", "课程", "水果", "电影", "家具", "图书", "耳机"]


def text_of(i):
    """A short text that no other number gives, with a fixed beginning in common with few."""
    state = (i * 0x9E3779B97F4A7C15 + 1) & (2 ** 64 - 1)
    letters = []
    for _ in range(18):
        state = (state * 6364136223846793005 + 1442695040888963407) & (2 ** 64 - 1)
        letters.append(chr(0x4E00 + (state >> 33) % 6000))
    return PLACES[i % 10] + THINGS[i // 10 % 10] + "".join(letters)


def duplicates(harness, texts=TEXTS):
    """Texts added over HTTP, then asked for: rate, sizes, memory and time of a question."""
    server = harness.Server('log_level = "warning"\n')
    try:
        server.start()
        pid = server.process.child.pid
        server.ok("POST", "/v1/duplicates/indexes", {"name": "many"})
        began, inside = time.monotonic(), 0.0
        for first in range(0, texts, CALL):
            rows = [{"id": f"r{i}", "text": text_of(i)} for i in range(first, min(first + CALL, texts))]
            body = json.dumps({"texts": rows}, ensure_ascii=False)
            asked = time.monotonic()
            server.ok("POST", "/v1/duplicates/indexes/many/texts", body)
            inside += time.monotonic() - asked
            if first // CALL % 50 == 49:
                print(f"    {first + CALL:,} after {time.monotonic() - began:.0f} s, {memory_mb(pid):.0f} MB", flush=True)
        print(f"  {texts:,} texts added, {CALL:,} a call: {texts / inside:,.0f}/s in the server ({inside:.0f} s)", flush=True)

        def ask(count, each):
            """Milliseconds of calls with `each` texts that differ from stored ones in one character; how many are found."""
            times, found = [], 0
            for k in range(count):
                numbers = [(k * each + j) * 7919 % texts for j in range(each)]
                body = {"texts": [text_of(i)[:-1] + "的" for i in numbers]}
                asked = time.perf_counter()
                items = server.ok("POST", "/v1/duplicates/indexes/many/search", body)["items"]
                times.append((time.perf_counter() - asked) * 1e3)
                found += sum(any(n["id"] == f"r{i}" for n in item["near"]) for i, item in zip(numbers, items))
            return times, found / (count * each)

        asked = time.monotonic()
        ask(1, 1)
        print(f"  the first question: {time.monotonic() - asked:.1f} s", flush=True)
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            files = list((server.folder / "data/duplicates").rglob("*"))
            size = sum(f.stat().st_size for f in files if f.is_file())
            time.sleep(3)
            again = sum(f.stat().st_size for f in (server.folder / "data/duplicates").rglob("*") if f.is_file())
            if size and size == again:
                break
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
