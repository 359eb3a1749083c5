"""A mass send to 100,000 openids against the sandbox: seconds until the audience is decided on, and until all of it is batched, taken by the
platform and accounted in the ledgers (not until every report and segment knows of it). BENCH_OPENIDS says how many."""
import os
import pathlib
import re
import threading
import time

OPENIDS = int(os.environ.get("BENCH_OPENIDS", "100000"))


def prepared(harness):
    """A server that knows so many followers, in the middle of a morning. About one in eleven people of the sandbox does not follow."""
    sandbox = harness.Sandbox(people=min(200_000, OPENIDS * 5 // 4))
    server = harness.Server(harness.STEPPED + f'log_level = "warning"\n[wechat]\nbase_url = "{sandbox.url}"\n').start()
    account = sandbox.ok("GET", "/sandbox/account")
    server.ok("POST", "/v1/accounts", account)
    began = time.monotonic()
    sync = server.ok("POST", f"/v1/accounts/{account['id']}/sync")["run"]
    while server.ok("GET", f"/v1/runs/{sync}")["state"] == "running":
        time.sleep(0.5)
    count = server.ok("POST", "/v1/segments/preview", {"tree": {"following": account["id"]}})["count"]
    print(f"mass: {count:,} followers read from the platform in {time.monotonic() - began:.1f} s", flush=True)
    server.ok("PUT", "/v1/segments/all", {"name": "all", "tree": {"following": account["id"]}})
    server.ok("POST", "/v1/clock", {"to": "2026-01-05T10:00:00+08:00"})
    return sandbox, server, account["id"], count


class Watch(threading.Thread):
    """When the platform had taken the first batch, and when the ledger had all of them; without asking for what is costly to count."""

    def __init__(self, server, batches):
        super().__init__(daemon=True)
        self.server, self.batches = server, batches
        self.first = self.last = None

    def taken(self):
        found = re.search(r'zhiyin_wechat_calls_total\{method="mass_send",outcome="ok"\} (\d+)', self.server.ok("GET", "/metrics").decode())
        return int(found.group(1)) if found else 0

    def run(self):
        while self.last is None:
            taken = self.taken()
            if self.first is None and taken:
                self.first = (time.monotonic(), cpu_seconds(self.server.process.child.pid))
            if taken >= self.batches and self.server.ok("GET", "/v1/campaigns/big")["progress"]["sending"] == 0:
                self.last = (time.monotonic(), cpu_seconds(self.server.process.child.pid))
            time.sleep(0.05)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bench(harness):
    sandbox, server, account, followers = prepared(harness)
    try:
        server.ok("PUT", "/v1/campaigns/big", {"name": "big", "account": account, "segment": "all", "holdout": 0, "channel": "mass",
                                               "message": {"type": "text", "text": "新书到店"}})
        batches = -(-followers // 9_999)
        watch = Watch(server, batches)
        began, cpu = time.monotonic(), cpu_seconds(server.process.child.pid)
        server.ok("POST", "/v1/campaigns/big/start")
        watch.start()
        server.ok("POST", "/v1/clock", {"to": "2026-01-05T10:00:00+08:00"})
        watch.join()
        campaign = server.ok("GET", "/v1/campaigns/big")
        progress = campaign["progress"]
        assert campaign["state"] == "done" and progress["sent"] == followers, campaign
        used = {c["channel"]: c for c in server.ok("GET", f"/v1/quota?account={account}")["items"][0]["channels"]}["mass"]
        assert used["reserved"] == 0 and used["used"] >= batches, used
        # The first batch was gathered before the first look: the others stand for it.
        share = used["used"] / (used["used"] - 1)
        sending, burnt = (share * (b - a) for a, b in zip(watch.first, watch.last))
        print(f"mass: {followers:,} people decided on in {watch.last[0] - began - sending:.1f} s (audience, holdout, each past the gate; CPU "
              f"{watch.last[1] - cpu - burnt:.1f} s); past the gate again, batched into {used['used']} calls, taken and accounted in {sending:.1f} s "
              f"(target 5; CPU {burnt:.1f} s)")
        print("  command: bench/run mass", flush=True)
    finally:
        server.close()
        sandbox.close()
