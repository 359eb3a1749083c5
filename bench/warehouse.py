"""Funnel and retention over tens of millions of generated events, by the server, in the product's tables on DuckDB."""
import ctypes
import os
import pathlib
import statistics
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROWS = int(os.environ.get("BENCH_WAREHOUSE_ROWS", "50000000"))
PEOPLE = int(os.environ.get("BENCH_WAREHOUSE_PEOPLE", "1000000"))
MEMORY_MB = int(os.environ.get("BENCH_WAREHOUSE_MB", "1024"))
DAYS = 91
BEGIN = 1_767_196_800  # 2026-01-01 in Shanghai
STEP = 5_000_000

# Shares in percent; the funnel's four steps make a fifth.
KINDS = [("view", 30), ("read", 25), ("show", 8), ("click", 7), ("like", 5), ("play", 4), ("share", 3), ("comment", 2),
         ("favorite", 2), ("cart", 2), ("purchase", 2), ("message", 2), ("menu_click", 1), ("scan", 1), ("rating", 1),
         ("checkin", 1), ("search", 1), ("coupon", 1), ("refund", 1), ("signup", 1)]
FUNNEL = {"steps": [{"kind": "show"}, {"kind": "click"}, {"kind": "share"}, {"kind": "purchase"}], "window": "7d",
          "from": "2026-01-01", "to": "2026-03-25"}
RETENTION = {"first": {}, "returns": {}, "from": "2026-01-01", "period": "7d", "periods": 12}


class Duck:
    """The library that the program is linked with, to write a file that the program then opens."""

    class Outcome(ctypes.Structure):
        _fields_ = [("fields", ctypes.c_uint64 * 3), ("columns", ctypes.c_void_p), ("message", ctypes.c_char_p), ("internal", ctypes.c_void_p)]

    def __init__(self, path):
        self.lib = ctypes.CDLL(str(ROOT / "build/deps/duckdb/libduckdb.so"))
        self.lib.duckdb_result_error.restype = ctypes.c_char_p
        self.database, self.connection = ctypes.c_void_p(), ctypes.c_void_p()
        if self.lib.duckdb_open(str(path).encode(), ctypes.byref(self.database)) or \
           self.lib.duckdb_connect(self.database, ctypes.byref(self.connection)):
            raise SystemExit(f"{path}: cannot be opened")

    def run(self, sql):
        outcome = Duck.Outcome()
        if self.lib.duckdb_query(self.connection, sql.encode(), ctypes.byref(outcome)):
            raise SystemExit(self.lib.duckdb_result_error(ctypes.byref(outcome)).decode())
        self.lib.duckdb_destroy_result(ctypes.byref(outcome))

    def close(self):
        self.lib.duckdb_disconnect(ctypes.byref(self.connection))
        self.lib.duckdb_close(ctypes.byref(self.database))


def share(salt):
    """A number in [0, 1) that depends on the row alone."""
    return f"((hash(i * 31 + {salt}) % 4294967296) / 4294967296.0)"


def fill(duck, begin, end, rows):
    """Rows [begin, end) of so many, in order of time, as the log would hand them on. People and items follow Zipf's law."""
    kind, sum_ = "CASE", 0
    for name, percent in KINDS:
        sum_ += percent
        kind += f" WHEN k < {sum_ / 100} THEN '{name}'"
    kind += " END"
    step = DAYS * 86_400_000_000 // rows
    duck.run(f"""INSERT INTO events SELECT who % 64, i + 1, 'e' || i, 'shop', md5(CAST(who AS VARCHAR)), {kind}, 'article', 'a' || item,
        value, moment, moment, 'api', NULL FROM (SELECT i, CAST(floor(pow({share(1)}, 5) * {PEOPLE}) AS BIGINT) AS who, {share(2)} AS k,
        CAST(floor(pow({share(3)}, 5) * 2000) AS BIGINT) AS item, CAST({share(4)} * 500 AS BIGINT) AS value,
        {BEGIN * 1_000_000} + i * {step} AS moment FROM range({begin}, {end}) t(i))""")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(server, path, body):
    """The first time, the median of three more, CPU seconds of one of these, and the answer."""
    times, used = [], 0
    for i in range(4):
        if i == 1:
            used = cpu_seconds(server.process.child.pid)
        began = time.monotonic()
        answer = server.ok("POST", path, body)
        times.append(time.monotonic() - began)
    return times[0], statistics.median(times[1:]), (cpu_seconds(server.process.child.pid) - used) / 3, answer



def measure(server, rows):
    cold, funnel, used, answer = ask(server, "/v1/reports/funnel", FUNNEL)
    steps = ", ".join(f"{s['people']:,}" for s in answer["steps"])
    cold2, retention, used2, back = ask(server, "/v1/reports/retention", RETENTION)
    cohort = back["cohorts"][0]
    print(f"warehouse: {rows:,} rows: four-step funnel {funnel:.2f} s (CPU {used:.2f}, first time {cold:.2f}), 12-week retention {retention:.2f} s "
          f"(CPU {used2:.2f}, first time {cold2:.2f}); target 3 s; load average {os.getloadavg()[0]:.1f}")
    print(f"  people by step: {steps}; of {cohort['people']:,} people of the first week came back: {cohort['returned']}", flush=True)
    return funnel, retention


def bench_one(harness, rows):
    server = harness.Server(f'log_level = "warning"\n[storage]\nwarehouse_memory_mb = {MEMORY_MB}\n')
    try:
        server.start()  # makes the tables
        server.process.stop()
        path = server.folder / "data/warehouse.duckdb"
        began = time.monotonic()
        duck = Duck(path)
        duck.run("SET threads = 2")
        duck.run(f"INSERT INTO identity_person SELECT md5(CAST(i AS VARCHAR)), 'p_' || substr(md5(CAST(-i - 1 AS VARCHAR)), 1, 26), 0 "
                 f"FROM range({PEOPLE}) t(i)")
        for begin in range(0, rows, STEP):
            fill(duck, begin, min(begin + STEP, rows), rows)
        duck.run("CHECKPOINT")
        duck.close()
        print(f"  {rows:,} rows written in {time.monotonic() - began:.0f} s: {path.stat().st_size / 1e6:,.0f} MB", flush=True)
        began = time.monotonic()
        server.start()
        print(f"  ready after {time.monotonic() - began:.2f} s")
        times = measure(server, rows)
        server.process.stop()
        return times
    finally:
        server.process = None if server.process.child.poll() is not None else server.process
        server.close()


def bench(harness):
    few = bench_one(harness, ROWS // 10)
    many = bench_one(harness, ROWS)
    print(f"  growth for ten times the rows: funnel {many[0] / few[0]:.1f}, retention {many[1] / few[1]:.1f}; {PEOPLE:,} people, "
          f"{len(KINDS)} kinds, two threads, {MEMORY_MB} MB for the warehouse")
    print("  command: bench/run warehouse")
