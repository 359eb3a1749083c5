"""WeChat's callbacks: how fast they are answered, how many can wait at once, and a million random messages beside wechatpy."""
import asyncio
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SECONDS = float(os.environ.get("BENCH_CALLBACK_SECONDS", "10"))
PARKED = int(os.environ.get("BENCH_PARKED", "5000"))
MESSAGES = int(os.environ.get("BENCH_FUZZ_MESSAGES", "1000000"))
ACCOUNT = {"id": "bench", "app_id": "wxbbbbbbbbbbbbbbbb", "original_id": "gh_bench", "token": "benchtoken", "mode": "secure",
           "encoding_aes_key": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
           "reply_rules": {"keywords": [{"words": ["营业时间"], "reply": {"type": "text", "text": "9:00-21:00"}}]}}


def built(target, folder):
    """The path of a program that only benchmarks and tests need, in the build of the program under test."""
    build = pathlib.Path(os.environ["ZHIYIN_PROGRAM"]).resolve().parents[2]
    subprocess.run(["cmake", "--build", build, "--target", target], check=True, stdout=subprocess.DEVNULL)
    return build / folder / target


def run(tool, *arguments):
    done = subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"callback_load {' '.join(map(str, arguments))}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def bench(harness):
    tool = built("callback_load", "bench")
    crypto = run(tool, "crypto")
    print(f"callbacks: signature check and decryption of {crypto['bytes']} bytes: {crypto['us']:.1f} µs (target 20)")
    server = harness.Server('log_level = "warning"\n').start()
    try:
        server.ok("POST", "/v1/accounts", ACCOUNT)
        run(tool, "load", server.port, 0, 2, 64)  # everybody is known afterwards
        server.ok("POST", "/v1/projections", {"held": True})
        full = run(tool, "load", server.port, 0, SECONDS, 256)
        print(f"callbacks: rule answers, encrypted, deduplicated, synced: {full['per_second']:,.0f}/s with 256 connections "
              f"(p50 {full['p50_ms']:.1f}, p99 {full['p99_ms']:.1f} ms; target 5,000/s); load and server share the cores")
        half = run(tool, "load", server.port, 2500, SECONDS, 256)
        print(f"callbacks: at a fixed 2,500/s: p50 {half['p50_ms']:.1f}, p99 {half['p99_ms']:.1f}, max {half['max_ms']:.0f} ms "
              f"(target p99 20)")
        server.ok("POST", "/v1/projections", {"held": False})
        print("  command: bench/run callbacks")
    finally:
        server.close()
    parked(harness, tool)


class Silent:
    """An answer service that takes questions and says nothing."""

    def __init__(self):
        self.loop, ready = asyncio.new_event_loop(), threading.Event()

        async def listen():
            self.server = await asyncio.start_server(self.take, "127.0.0.1", 0, backlog=8192)
            self.port = self.server.sockets[0].getsockname()[1]
            ready.set()

        self.loop.create_task(listen())
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        ready.wait()

    async def take(self, reader, writer):
        while await reader.read(4096):
            pass
        writer.close()


def resident_mb(pid):
    fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmHWM"].split()[0]) / 1024, int(fields["VmRSS"].split()[0]) / 1024


def parked(harness, tool):
    """Questions to a service that says nothing, all at once: threads and memory while they wait."""
    service = Silent()
    server = harness.Server('log_level = "warning"\n').start()
    try:
        account = json.loads(json.dumps(ACCOUNT))
        account["reply_rules"]["service"] = {"url": f"http://127.0.0.1:{service.port}/", "timeout_s": 30}
        server.ok("POST", "/v1/accounts", account)
        server.ok("POST", "/v1/projections", {"held": True})
        pid = server.process.child.pid
        before = resident_mb(pid)[1]
        child = subprocess.Popen([tool, "park", str(server.port), str(PARKED)], stdout=subprocess.PIPE, text=True)
        most, threads = 0.0, 0
        while child.poll() is None:
            most = max(most, resident_mb(pid)[1])
            threads = max(threads, len(os.listdir(f"/proc/{pid}/task")))
            time.sleep(0.05)
        got = json.loads(child.stdout.read())
        print(f"callbacks: {PARKED:,} parked at once: {most - before:.0f} MB more than before (target 100), {threads} threads in all; "
              f"{got['not_yet']:,} let go for the next delivery after {got['p50_ms'] / 1000:.1f} s (max {got['max_ms'] / 1000:.1f})")
    finally:
        server.close()


def fuzz():
    """Two processes, half of the messages each. Fails on a difference, and where nothing could be compared."""
    probe = built_probe()
    began = time.monotonic()
    python = ROOT / "build/venv/bin/python"
    test = ROOT / "src/wechat/tests/wechatpy_fuzz_test.py"
    children = [subprocess.Popen([python, test, probe, str(MESSAGES // 2), str(seed)], stdout=subprocess.PIPE, text=True) for seed in (1, 2)]
    said = [child.communicate()[0].strip() for child in children]
    good = all(child.returncode == 0 for child in children)
    print(f"fuzz: {MESSAGES:,} random messages beside wechatpy: {'no difference' if good else 'FAILED'} in {time.monotonic() - began:.0f} s")
    print("\n".join(f"  {line}" for line in said))
    if not good:
        raise SystemExit(1)


def built_probe():
    """The probe is a test's: it is built where tests are."""
    if not (ROOT / "build/venv/bin/python").exists():
        raise SystemExit("fuzz: nothing was compared: needs build/venv (./dev setup test)")
    build = ROOT / "build/dev"
    if not (build / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", "dev"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", build, "--target", "wechat_probe"], check=True, stdout=subprocess.DEVNULL)
    return build / "src/wechat/wechat_probe"
