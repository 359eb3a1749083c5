"""How fast the projections are, and how soon an acknowledged event shows in a live segment."""
import bisect
import itertools
import json
import os
import pathlib
import random
import threading
import time
import http.client

ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
HISTORY = int(os.environ.get("BENCH_HISTORY", "1000000"))
POPULATIONS = [int(n) for n in os.environ.get("BENCH_PEOPLE", "20000,200000").split(",")]
RATE = int(os.environ.get("BENCH_RATE", "25000"))
SECONDS = int(os.environ.get("BENCH_DELAY_SECONDS", "20"))
DAY = 86400
EXPONENT = 0.8  # of the Zipf law: with 200,000 people the busiest has 1.8 % of all events

# Twenty kinds, as a publisher with a shop sees them.
KINDS = [("view", 30), ("read", 25), ("show", 8), ("click", 7), ("like", 5), ("play", 4), ("share", 3), ("comment", 2),
         ("favorite", 2), ("cart", 2), ("purchase", 2), ("message", 2), ("menu_click", 1), ("scan", 1), ("rating", 1),
         ("checkin", 1), ("search", 1), ("coupon", 1), ("refund", 1), ("signup", 1)]


def picker(weights, rng):
    sums = list(itertools.accumulate(weights))
    total = sums[-1]
    return lambda: bisect.bisect_left(sums, rng.random() * total)


def population(people, rng):
    """Draws people by Zipf's law; who is busy has nothing to do with the number."""
    draw = picker([(rank + 1) ** -EXPONENT for rank in range(people)], rng)
    names = list(range(people))
    rng.shuffle(names)
    return lambda: names[draw()]


def segments():
    """Fifty, of the kinds that operators write: counts, sums and features in windows, since-when, totals, combinations."""
    out = []
    for kind in ("read", "view", "like", "share", "click", "purchase", "message", "cart"):
        for window, least in (("7d", 1), ("30d", 3)):
            out.append({"event": kind, "count": {">=": least}, "window": window})
    for window, fen in (("7d", 10000), ("30d", 30000), ("90d", 100000)):
        out.append({"event": "purchase", "sum": {">=": fen}, "window": window})
        out.append({"event": "read", "sum": {">=": fen // 100}, "window": window})
    for feature, least in (("active_days_7d", 3), ("active_days_30d", 10), ("distinct_items_7d", 5), ("distinct_items_30d", 20),
                           ("events_total", 50), ("rating_mean", 4), ("plays_30d", 5), ("comments_30d", 2), ("favorites_90d", 3)):
        out.append({"feature": feature, "is": {">=": least}})
    for feature, least in (("days_since_last", 14), ("days_since_first", 30), ("days_since_purchase", 30), ("days_since_message", 7)):
        out.append({"feature": feature, "is": {">=": least}})
    out.append({"event": "read", "count": {">=": 1}, "window": "30d", "item": {"kind": "article", "id": "a1"}})
    out.append({"event": "purchase", "count": {"=": 0}})
    out.append({"following": "shop"})
    out.append({"trait": "city", "is": {"=": "上海"}})
    recent = [{"event": "view", "count": {">=": 2}, "window": "7d"}, {"event": "cart", "count": {">=": 1}, "window": "30d"},
              {"event": "purchase", "count": {"=": 0}, "window": "30d"}]
    for i in range(50 - len(out)):
        out.append({"and": [recent[i % 3], {"or": [recent[(i + 1) % 3], {"feature": "active_days_30d", "is": {">=": 1 + i % 4}}]},
                            {"not": {"event": "refund", "count": {">=": 1 + i}, "window": "90d"}}]})
    return out


def put_segments(server):
    for i, tree in enumerate(segments()):
        server.ok("PUT", f"/v1/segments/live{i}", {"id": f"live{i}", "name": f"live {i}", "tree": tree, "live": True})


def write_events(path, rows, people, until, seconds, rng):
    """Rows in order of time, over so many seconds before `until`."""
    who, what = population(people, rng), picker([w for _, w in KINDS], rng)
    item = picker([(rank + 1) ** -EXPONENT for rank in range(2000)], rng)
    step = seconds / rows
    with open(path, "w") as out:
        out.write("user,item,kind,time,value\n")
        for i in range(rows):
            kind = KINDS[what()][0]
            out.write(f"u{who():07d},a{item()},{kind},{int(until - seconds + i * step)},{rng.randrange(1, 500)}\n")


def wait_until_filled(server):
    """An event makes the projections look at the (few) people there are, and the segments are filled."""
    server.ok("POST", "/v1/events", [{"account": "shop", "identities": [{"kind": "openid", "value": "first"}], "kind": "view"}])
    for _ in range(300):
        if all(s["live_state"] == "filled" for s in server.ok("GET", "/v1/segments")["items"]):
            return
        time.sleep(0.1)
    raise SystemExit("the live segments were not filled")


def news(server):
    return sum(k["count"] for k in server.ok("GET", "/v1/overview")["kinds"] if k["kind"].startswith("segment."))


def thread_seconds(pid):
    """CPU seconds by thread."""
    out = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            fields = (task / "stat").read_text()
        except OSError:
            continue
        rest = fields.rsplit(")", 1)[1].split()
        out[int(task.name)] = (int(rest[11]) + int(rest[12])) / os.sysconf("SC_CLK_TCK")
    return out


def disk_bytes(pid):
    found = dict(line.split(": ") for line in pathlib.Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(found["write_bytes"])


def throughput(server, pid, load, people):
    news_before = news(server)
    lag = server.ok("POST", "/v1/projections", {"held": True})["lag"]
    threads, written, began = thread_seconds(pid), disk_bytes(pid), time.monotonic()
    server.ok("POST", "/v1/projections", {"held": False})
    marks, in_state = [], None
    while True:
        metrics = server.send("GET", "/metrics").body.decode()
        state = int(float(metrics.split("\nzhiyin_projection_lag_records ")[1].split()[0]))
        house = int(float(metrics.split("\nzhiyin_warehouse_lag_records ")[1].split()[0]))
        now = time.monotonic() - began
        if not marks or now - marks[-1][0] > 2:
            marks.append((now, lag - state))
        if state == 0 and in_state is None:
            in_state = now
        if state == 0 and house == 0:
            break
        time.sleep(0.1)
    took = time.monotonic() - began
    after = thread_seconds(pid)
    busiest = sorted((after[t] - threads.get(t, 0) for t in after), reverse=True)
    total = sum(busiest)
    server.ok("POST", "/v1/segments/preview", {"tree": {"all": True}, "sample": 0})  # waits for own events, too
    own = news(server) - news_before
    print(f"projection, {load}: {lag:,} events of {people:,} people (Zipf {EXPONENT}), 50 live segments: state after {in_state:.1f} s = "
          f"{lag / in_state:,.0f}/s, state and warehouse after {took:.1f} s = {lag / took:,.0f}/s (target 50,000)")
    print(f"  CPU: {total:.1f} s = {total / lag * 1e6:.1f} us an event over all threads; busiest threads "
          f"{', '.join(f'{b:.1f}' for b in busiest[:4])} s; {(disk_bytes(pid) - written) / lag:,.0f} bytes written an event; "
          f"{own:,} own events (entered, left) followed: {(lag + own) / took:,.0f} records/s in all")
    return lag / took


class Sender(threading.Thread):
    """Batches at fixed times, whatever the answers take."""

    def __init__(self, server, bodies, began, period, first, step):
        super().__init__()
        self.server, self.bodies, self.began, self.period, self.first, self.step = server, bodies, began, period, first, step
        self.late, self.errors, self.slowest = 0.0, 0, 0.0

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port)
        for i in range(self.first, len(self.bodies), self.step):
            at = self.began + i * self.period
            wait = at - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            self.late = max(self.late, -wait)
            connection.request("POST", "/v1/events", self.bodies[i],
                               {"Authorization": f"Bearer {self.server.key}", "Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            self.errors += answer.status >= 300
            self.slowest = max(self.slowest, time.monotonic() - at)


def delay(server, people):
    """An open loop; beside it, once in a while, somebody new reads, and is looked for in the state file until there."""
    rng = random.Random(7)
    who, what = population(people, rng), picker([w for _, w in KINDS], rng)
    size = 250
    bodies = []
    for _ in range(RATE * SECONDS // size):
        bodies.append(json.dumps([{"account": "shop", "identities": [{"kind": "user_id", "value": f"u{who():07d}"}],
                                   "kind": KINDS[what()][0], "item": {"kind": "article", "id": f"a{rng.randrange(2000)}"},
                                   "value": rng.randrange(1, 500)} for _ in range(size)]))
    began = time.monotonic() + 0.5
    senders = [Sender(server, bodies, began, size / RATE, n, 32) for n in range(32)]
    for sender in senders:
        sender.start()
    delays = []
    for i in itertools.count():
        if time.monotonic() - began > SECONDS - 1:
            break
        probe = f"probe-{os.getpid()}-{i}"
        server.ok("POST", "/v1/events", [{"account": "shop", "identities": [{"kind": "openid", "value": probe}], "kind": "read"}])
        acknowledged = time.monotonic()
        while True:
            answer = server.send("GET", f"/v1/people/openid:shop:{probe}")
            if answer.status == 200 and "live0" in answer.json["segments"]:  # live0: has read in the last 7 days
                break
            if time.monotonic() - acknowledged > 30:
                raise SystemExit("half a minute after its acknowledgement an event shows in no segment")
            time.sleep(0.002)
        delays.append(time.monotonic() - acknowledged)
        time.sleep(rng.random() * 0.1)
    for sender in senders:
        sender.join()
    took = time.monotonic() - began
    sent = len(bodies) * size
    delays.sort()
    pick = lambda share: delays[min(len(delays) - 1, int(len(delays) * share))] * 1000
    print(f"delay at {sent / took:,.0f} events/s ({sum(s.errors for s in senders)} errors, slowest answer {max(s.slowest for s in senders) * 1000:.0f} ms, "
          f"sent at most {max(s.late for s in senders) * 1000:.0f} ms late): from acknowledgement to membership over {len(delays)} probes "
          f"p50 {pick(0.5):.0f} ms, p99 {pick(0.99):.0f} ms, max {delays[-1] * 1000:.0f} ms (target 1,000)")
    began = time.monotonic()
    while server.ok("GET", "/v1/overview")["lag"] > 0:
        time.sleep(0.05)
    print(f"  everything caught up {time.monotonic() - began:.1f} s after the last request; load average {os.getloadavg()[0]:.1f}")


def measure(harness, people):
    server = harness.Server('log_level = "warning"\n')
    try:
        csv = server.folder / "events.csv"
        server.start()
        put_segments(server)
        wait_until_filled(server)
        if HISTORY:
            # A first import makes everybody enter segments; what is measured is an installation that has a history.
            write_events(csv, HISTORY, people, time.time() - 86400, 60 * DAY, random.Random(2))
            server.cli("import", csv, "--account", "shop", "--json")
            server.ok("POST", "/v1/segments/preview", {"tree": {"all": True}, "sample": 0})  # waits for own events, too
        # As they come in, and as an old log or a file is read: time passes 1,400 times as fast, so that each event
        # makes somebody enter or leave a window.
        for load, seconds in (("an hour's events", 3600), ("sixty days' events", 60 * DAY)):
            write_events(csv, ROWS, people, time.time(), seconds, random.Random(seconds))
            server.ok("POST", "/v1/projections", {"held": True})
            server.cli("import", csv, "--account", "shop", "--json")
            print(f"  load average {os.getloadavg()[0]:.1f} before")
            throughput(server, server.process.child.pid, load, people)
        sizes = {p.name: p.stat().st_size / 1e6 for p in (server.folder / "data").iterdir() if p.is_file()}
        print("  MB: " + ", ".join(f"{name} {size:,.0f}" for name, size in sorted(sizes.items()) if size > 1))
        delay(server, people)
    finally:
        server.close()


def bench(harness):
    for people in POPULATIONS:
        measure(harness, people)
