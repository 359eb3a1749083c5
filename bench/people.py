"""What a person costs: bytes in the stores and in memory, for a tenth of the people and for all of them."""
import os
import pathlib
import time

PEOPLE = int(os.environ.get("BENCH_PEOPLE_ROWS", "10000000"))


def write_people(path, people):
    """Each reads once: what a person costs beside their events."""
    with open(path, "w") as out:
        out.write("user,item,kind,time,value\n")
        for i in range(people):
            out.write(f"u{i:08d},a{i % 2000},read,{1767225600 + i % 6000000},{i % 300}\n")


def resident(pid):
    """Memory of the process's own (not pages of files), in bytes."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    return 0


def measure(harness, people):
    server = harness.Server('log_level = "warning"\n[storage]\nwarehouse_memory_mb = 1024\n')
    try:
        csv = server.folder / "people.csv"
        write_people(csv, people)
        server.start()
        began = time.monotonic()
        server.cli("import", csv, "--account", "shop", "--json", timeout=7200)
        while server.ok("GET", "/v1/overview")["lag"] > 0:
            time.sleep(0.5)
        server.ok("POST", "/v1/segments/preview", {"tree": {"all": True}, "sample": 0})
        took = time.monotonic() - began
        server.restart()  # what was written ahead goes into the files
        began = time.monotonic()
        server.restart()
        start = time.monotonic() - began
        server.ok("GET", "/v1/people?limit=10")
        memory = resident(server.process.child.pid)
        files = {p.name: p.stat().st_size for p in (server.folder / "data").iterdir() if p.is_file()}
        state, keys, log, house = (sum(size for name, size in files.items() if name.startswith(part))
                                   for part in ("state", "keys", "log", "warehouse"))
        print(f"people: {people:,}: state {state / 1e6:,.0f} MB = {state / people:.0f} bytes a person, keys {keys / people:.0f}, log {log / people:.0f}, warehouse "
              f"{house / people:.0f}; memory after a restart {memory / 1e6:.0f} MB = {memory / people:.1f} bytes a person; imported and dealt with in "
              f"{took:.0f} s; stopped and ready again after {start:.2f} s", flush=True)
        return state + keys
    finally:
        server.close()


def bench(harness):
    few = measure(harness, PEOPLE // 10)
    many = measure(harness, PEOPLE)
    print(f"  growth of state and keys for ten times the people: {many / few:.2f} (target 9 to 11); command: bench/run people")
