"""`bench/run statistics`: speed, BG/NBD beside lifetimes on the same customers, and simulated coverage."""
import os
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
CUSTOMERS = int(os.environ.get("BENCH_CUSTOMERS", "1000000"))
RUNS = int(os.environ.get("BENCH_COVERAGE", "20000"))

LIFETIMES = """
import sys, time, warnings
warnings.filterwarnings("ignore")
import pandas as pd, lifetimes
data = pd.read_csv(sys.argv[1])
began = time.monotonic()
fitter = lifetimes.BetaGeoFitter().fit(data.frequency, data.recency, data.age)
print(time.monotonic() - began, *fitter.params_)
"""


def fits(program):
    with tempfile.TemporaryDirectory(prefix="zhiyin-bench-") as folder:
        path = pathlib.Path(folder) / "customers.csv"
        subprocess.run([program, "customers", path, str(CUSTOMERS)], check=True)
        ours = subprocess.run([program, "fit", path], check=True, capture_output=True, text=True).stdout.split()
        print(f"  BG/NBD on {int(ours[0]):,} customers: {float(ours[1]):.2f} s, {ours[2]} passes over all (target 10 s); "
              f"r, alpha, a, b: {', '.join(f'{float(v):.4f}' for v in ours[3:7])}", flush=True)
        python = os.environ.get("BENCH_PYTHON", str(ROOT / "build/venv/bin/python"))
        theirs = subprocess.run([python, "-c", LIFETIMES, path], capture_output=True, text=True)
        if theirs.returncode:
            print(f"  lifetimes: skipped ({theirs.stderr.strip().splitlines()[-1] if theirs.stderr else 'not here'})")
            return
        seconds, *parameters = map(float, theirs.stdout.split())
        print(f"  lifetimes on the same: {seconds:.1f} s, ratio {seconds / float(ours[1]):.1f} (target 20); "
              f"{', '.join(f'{v:.4f}' for v in parameters)}", flush=True)


def bench():
    build = pathlib.Path(os.environ["ZHIYIN_PROGRAM"]).parents[2]
    subprocess.run(["cmake", "--build", build, "--target", "statistics_bench"], check=True, stdout=subprocess.DEVNULL)
    program = build / "src/statistics/statistics_bench"
    subprocess.run([program, "speed"], check=True)
    fits(program)
    print(f"  coverage over {RUNS:,} simulated experiments each:", flush=True)
    subprocess.run([program, "coverage", str(RUNS)], check=True)
    print("  command: bench/run statistics (BENCH_CUSTOMERS, BENCH_COVERAGE)")
