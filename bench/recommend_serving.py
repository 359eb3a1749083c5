"""`bench/run recommend_http` and `recommend_million`: lists over HTTP beside a plain reader of stored lists, and the lists of a million people.
Both on a made-up readership (`bench/shop_population.cc`), the same for the same seed."""
import json
import os
import pathlib
import re
import subprocess
import time

from callbacks import built

ROOT = pathlib.Path(__file__).resolve().parent.parent
SECONDS = float(os.environ.get("BENCH_SECONDS", "6"))
CONNECTIONS = int(os.environ.get("BENCH_CONNECTIONS", "16"))
CLOCK = 'clock = "stepped"\nclock_start = "2026-06-01T00:00:00+08:00"\n'  # where the made-up events end
RULES = "n=10&kind=article&diversity=0.3&author_max=2&category_max=4"


def population(folder, people, items, mean, seed=1):
    done = subprocess.run([built("shop_population", "bench"), folder, str(people), str(items), str(mean), str(seed)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def settle(server):
    while server.ok("GET", "/v1/overview")["lag"] > 0:
        time.sleep(0.2)


def filled(harness, people, items, mean, settings=""):
    """A server with the readership and a model of it."""
    server = harness.Server('log_level = "warning"\n' + settings)
    made = population(server.folder, people, items, mean)
    server.start()
    server.cli("import", server.folder / "items.csv", "--mapping", server.folder / "items.toml", "--account", "shop", "--json")
    began = time.monotonic()
    server.cli("import", server.folder / "events.csv", "--account", "shop", "--json", timeout=7200)
    settle(server)
    print(f"  {made['people']:,} people, {made['items']:,} items, {made['events']:,} events; imported and dealt with in {time.monotonic() - began:.0f} s", flush=True)
    began = time.monotonic()
    server.cli("train", "recommend", "--model", "itemknn", "--k", "200", "--factors", "0", "--json", timeout=7200)
    print(f"  trained (itemknn, 200 weights an item) in {time.monotonic() - began:.0f} s", flush=True)
    return server, made


def live_segments(server):
    """Twelve of them, filled: by deed, by how often, and by interest."""
    trees = [{"event": kind, "window": window} for kind in ("read", "like", "share") for window in ("7d", "30d")]
    trees += [{"event": "read", "count": {">=": count}} for count in (5, 10, 20)]
    trees += [{"event": "share", "count": {">=": count}} for count in (2, 4)] + [{"not": {"event": "read", "window": "14d"}}]
    for number, tree in enumerate(trees):
        server.ok("PUT", f"/v1/segments/live-{number}", {"name": f"live {number}", "tree": tree, "live": True})
    server.ok("POST", "/v1/clock", {"to": "2026-06-01T00:00:01+08:00"})
    for number in range(len(trees)):
        segment = server.ok("GET", f"/v1/segments/live-{number}")
        assert segment["live_state"] == "filled" and segment["count"] > 0, segment


def on_core(pid, core):
    """Every thread of the process on one core; more follow their parents."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            os.sched_setaffinity(int(task.name), {core})
        except ProcessLookupError:
            pass


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def own_memory(pid):
    """Memory of the process's own (not pages of files), in bytes."""
    return int(re.search(r"RssAnon:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) * 1024


def load(port, paths, rate, key=None, seconds=SECONDS):
    """The clients, on the last core."""
    tool = built("http_load", "bench")
    core = str(os.cpu_count() - 1)
    done = subprocess.run(["taskset", "-c", core, tool, str(port), paths, str(rate), str(seconds), str(CONNECTIONS)] + ([key] if key else []),
                          capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"http_load: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def in_process(folder):
    build = pathlib.Path(os.environ["ZHIYIN_PROGRAM"]).resolve().parents[2]
    subprocess.run(["cmake", "--build", build, "--target", "recommend_bench"], check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run(["taskset", "-c", "0", build / "src/recommend/recommend_bench", "lists", "plain|rules", folder], check=True, capture_output=True, text=True)
    return {one["mode"]: one for one in map(json.loads, done.stdout.splitlines())}


def start_plain(harness, folder):
    """A Go server that has every list ready."""
    binary = ROOT / "build/bench/plain_lists"
    if not binary.exists():
        print("  building the plain Go server (cgo takes about two minutes the first time)", flush=True)
        subprocess.run(["go", "build", "-o", binary, "."], cwd=ROOT / "bench/plain_lists", check=True)
    port = harness.free_port()
    child = subprocess.Popen([binary, "-addr", f"127.0.0.1:{port}", "-db", str(folder / "lists.db"), "-load", str(folder / "lists.tsv")],
                             env=dict(os.environ, GOMAXPROCS="1"))
    for _ in range(600):
        try:
            harness.http("GET", f"http://127.0.0.1:{port}/v1/recommend/nobody")
            return child, port
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the plain server does not answer")


def bench_http(harness):
    people = int(os.environ.get("BENCH_READERS", "20000"))
    server, _ = filled(harness, people, 10_000, 20, CLOCK)
    plain = None
    try:
        alone = in_process(server.folder)
        refs = [f"user_id:shop:u{(i * 7919) % people:07d}" for i in range(people)]
        pid = server.process.child.pid
        key = server.ok("POST", "/v1/keys", {"name": "bench", "role": "ingest"})["key"]
        folder = server.folder
        with open(folder / "lists.tsv", "w") as out:
            for ref in refs:
                body = server.send("GET", f"/v1/recommend/{ref}?{RULES}").body.decode()
                out.write(f"{ref}\t{body}\n")
        (folder / "plain.txt").write_text("".join(f"/v1/recommend/{ref}\n" for ref in refs))
        plain, plain_port = start_plain(harness, folder)
        on_core(pid, 0)
        on_core(plain.pid, 0)
        for name, query in (("plain", "n=10"), ("rules", RULES)):
            paths = folder / f"{name}.paths"
            paths.write_text("".join(f"/v1/recommend/{ref}?{query}\n" for ref in refs))
            load(server.port, paths, 0, key, 2)
            before = cpu_seconds(pid)
            full = load(server.port, paths, 0, key)
            used = (cpu_seconds(pid) - before) / max(1, full["answered"])
            rate = alone[name]["people_per_second"]
            print(f"recommend_http: {name}: {full['per_second']:,.0f}/s closed loop, {CONNECTIONS} connections, server on one core ({used * 1e6:.0f} µs of it a list, "
                  f"{full['body_bytes']:.0f} bytes); in process {rate:,.0f}/s ({alone[name]['microseconds']:.0f} µs): {full['per_second'] / rate:.2f} (target 0.7)", flush=True)
            calm = load(server.port, paths, 0.7 * full["per_second"], key)
            print(f"  at 70 % of it, {0.7 * full['per_second']:,.0f}/s by the clock: p50 {calm['p50_ms']:.2f}, p99 {calm['p99_ms']:.2f}, max {calm['max_ms']:.0f} ms (target p99 10)", flush=True)
            read = load(plain_port, folder / "plain.txt", 0)
            print(f"  plain Go reader of stored lists on the same core: {read['per_second']:,.0f}/s, p50 {read['p50_ms']:.2f}, p99 {read['p99_ms']:.2f} ms: computing instead of "
                  f"reading costs {1e6 / full['per_second'] - 1e6 / read['per_second']:.0f} µs a list, {read['per_second'] / full['per_second']:.1f} times", flush=True)
        bench_kept(server, folder, refs, key)
        print("  command: bench/run recommend_http")
    finally:
        if plain:
            plain.kill()
        server.close()


def bench_kept(server, folder, refs, key):
    """Plain lists where live segments and what was listed before count, too."""
    live_segments(server)
    paths = folder / "plain.paths"
    for name, settings in (("with live segments", ""), ("with these and fatigue", "[recommend]\nfatigue_shows = 3\n")):
        server.config.write_text(server.config.read_text() + settings)
        server.restart()  # counts what is popular in segments
        while not any(item["source"] == "segment" for ref in refs[:20] for item in server.ok("GET", f"/v1/recommend/{ref}?n=10")["items"]):
            time.sleep(0.2)
        pid = server.process.child.pid
        on_core(pid, 0)
        load(server.port, paths, 0, key, 4)  # until everybody is in memory
        before = cpu_seconds(pid)
        full = load(server.port, paths, 0, key)
        used = (cpu_seconds(pid) - before) / max(1, full["answered"])
        print(f"recommend_http: plain, {name}: {full['per_second']:,.0f}/s closed loop ({used * 1e6:.0f} µs of the core a list, {full['body_bytes']:.0f} bytes), p99 {full['p99_ms']:.2f} ms",
              flush=True)


def bench_million(harness):
    """Half as many people first: what a person costs the serving process."""
    people = int(os.environ.get("BENCH_LISTS", "1000000"))
    mean = float(os.environ.get("BENCH_LISTS_EVENTS", "8"))
    memory = {}
    for count in (people // 2, people):
        server, made = filled(harness, count, 10_000, mean, "[storage]\nwarehouse_memory_mb = 1024\n")
        try:
            server.ok("PUT", "/v1/segments/everybody", {"name": "everybody", "tree": {"all": True}})
            server.restart()
            pid = server.process.child.pid
            server.ok("GET", "/v1/recommend/user_id:shop:u0000001?n=10")
            before, at = own_memory(pid), cpu_seconds(pid)
            output = server.folder / "lists.jsonl"
            began = time.monotonic()
            done = server.cli("recommend", "--segment", "everybody", "--output", output, "--n", "10", "--json", timeout=7200)
            took, used = time.monotonic() - began, cpu_seconds(pid) - at
            memory[count] = own_memory(pid)
            print(f"recommend_million: lists of {done['people']:,} people read, made and written in {took:.0f} s on {os.cpu_count()} cores (target 300 for a million), "
                  f"{used:.0f} s of processor, {used / done['people'] * 1e6:.0f} µs a list; {done['bytes'] / done['people']:.0f} bytes a list; memory of the server's own "
                  f"{before / 1e6:.0f} MB before, {memory[count] / 1e6:.0f} MB after", flush=True)
        finally:
            server.close()
    small, large = sorted(memory)
    print(f"  a person costs the serving process {(memory[large] - memory[small]) / (large - small):.0f} bytes (target 600); command: bench/run recommend_million")
