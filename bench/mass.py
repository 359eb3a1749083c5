"""A mass send to 100,000 openids against the sandbox: seconds until the audience is decided on, and until all of it is batched, taken by the
platform and accounted. BENCH_OPENIDS says how many."""
import os
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
    while server.ok("GET", f"/v1/runs/{server.ok('POST', '/v1/accounts/' + account['id'] + '/sync')['run']}")["state"] == "running":
        time.sleep(1)
    while True:
        count = server.ok("POST", "/v1/segments/preview", {"tree": {"following": account["id"]}})["count"]
        runs = [r for r in server.ok("GET", "/v1/runs")["items"] if r["state"] == "running"]
        if not runs:
            break
        time.sleep(1)
    print(f"mass: {count:,} followers read from the platform in {time.monotonic() - began:.1f} s", flush=True)
    server.ok("PUT", "/v1/segments/all", {"name": "all", "tree": {"following": account["id"]}})
    server.ok("POST", "/v1/clock", {"to": "2026-01-05T10:00:00+08:00"})
    return sandbox, server, account["id"], count


class Watch(threading.Thread):
    """When the last of the audience was decided on, and when the first and last were sent."""

    def __init__(self, server, campaign):
        super().__init__(daemon=True)
        self.server, self.campaign = server, campaign
        self.first_sent = self.decided = None
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(0.05):
            progress = self.server.ok("GET", f"/v1/campaigns/{self.campaign}")["progress"]
            if self.first_sent is None and progress["sent"] + progress["sending"] > 0:
                self.first_sent = time.monotonic()


def bench(harness):
    sandbox, server, account, followers = prepared(harness)
    try:
        server.ok("PUT", "/v1/campaigns/big", {"name": "big", "account": account, "segment": "all", "holdout": 0, "channel": "mass",
                                               "message": {"type": "text", "text": "新书到店"}})
        watch = Watch(server, "big")
        began = time.monotonic()
        server.ok("POST", "/v1/campaigns/big/start")
        watch.start()
        server.ok("POST", "/v1/clock", {"to": "2026-01-05T10:00:00+08:00"})
        ended = time.monotonic()
        watch.ended.set()
        watch.join()
        campaign = server.ok("GET", "/v1/campaigns/big")
        progress = campaign["progress"]
        assert campaign["state"] == "done" and progress["sent"] >= min(OPENIDS, followers) * 0.99, campaign
        used = {c["channel"]: c for c in server.ok("GET", f"/v1/quota?account={account}")["items"][0]["channels"]}["mass"]
        calls = -(-progress["sent"] // 9_999)
        assert used["reserved"] == 0 and used["used"] >= calls, used
        sending = ended - (watch.first_sent or began)
        print(f"mass: {progress['sent']:,} openids in {used['used']} calls: {watch.first_sent - began if watch.first_sent else 0:.1f} s until the first "
              f"batch (audience fixed, each person past the gate), {sending:.1f} s until the last was taken and accounted (target 5), {ended - began:.1f} s in all")
        print("  command: bench/run mass", flush=True)
    finally:
        server.close()
        sandbox.close()
