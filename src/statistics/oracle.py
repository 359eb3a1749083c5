"""Compares the answers of oracle_cases with SciPy: oracle.py PROGRAM."""

import json
import subprocess
import sys

SKIPPED = 77

try:
    import numpy as np
    from scipy import stats
except ImportError as error:
    print(f"skipped: {error} (./dev setup makes the test environment)")
    sys.exit(SKIPPED)


def near(name, ours, theirs, tolerance=1e-9):
    if not np.isclose(ours, theirs, rtol=tolerance, atol=1e-13):
        raise AssertionError(f"{name}: {ours!r} here, {theirs!r} in SciPy")


def check_distributions(c):
    near("normal_cdf", c["normal_cdf"], stats.norm.cdf(c["x"]))
    near("normal_quantile", c["normal_quantile"], stats.norm.ppf(c["p"]))
    near("t_cdf", c["t_cdf"], stats.t.cdf(c["x"], c["dof"]))
    near("t_quantile", c["t_quantile"], stats.t.ppf(c["p"], c["dof"]), 1e-7)
    near("chi2_upper_tail", c["chi2_upper_tail"], stats.chi2.sf(c["chi2"], c["dof"]))


def check_welch(c):
    a, b = np.array(c["a"]), np.array(c["b"])
    theirs = stats.ttest_ind(b, a, equal_var=False)
    interval = theirs.confidence_interval(0.95)
    near("estimate", c["estimate"], b.mean() - a.mean(), 1e-8)
    near("p", c["p"], theirs.pvalue, 1e-7)
    near("dof", c["dof"], theirs.df, 1e-8)
    near("low", c["low"], interval.low, 1e-7)
    near("high", c["high"], interval.high, 1e-7)
    one_sided = stats.ttest_ind(b, a, equal_var=False, alternative="greater")
    near("p_greater", c["p_greater"], one_sided.pvalue, 1e-7)


def check_multiplicity(c):
    for ours, theirs in zip(c["benjamini_hochberg"], stats.false_discovery_control(c["p"])):
        near("benjamini_hochberg", ours, theirs)


def check_srm(c):
    users, weights = np.array(c["users"]), np.array(c["weights"])
    near("srm", c["p"], stats.chisquare(users, users.sum() * weights / weights.sum()).pvalue, 1e-8)


def main():
    cases = json.loads(subprocess.run([sys.argv[1]], check=True, capture_output=True).stdout)
    for name, check in [("distributions", check_distributions), ("welch", check_welch),
                        ("multiplicity", check_multiplicity), ("srm", check_srm)]:
        for case in cases[name]:
            check(case)
        print(f"{name}: {len(cases[name])} cases agree")


main()
