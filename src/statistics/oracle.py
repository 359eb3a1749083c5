"""Compares the answers of oracle_cases with SciPy, mpmath and scikit-learn: oracle.py PROGRAM."""

import json
import subprocess
import sys

SKIPPED = 77

try:
    import mpmath
    import numpy as np
    from scipy import special, stats
    from sklearn import metrics
except ImportError as error:
    print(f"skipped: {error} (./dev setup makes the test environment)")
    sys.exit(SKIPPED)


def near(name, ours, theirs, tolerance=1e-8):
    if not np.isclose(ours, theirs, rtol=tolerance, atol=1e-13):
        raise AssertionError(f"{name}: {ours!r} here, {theirs!r} there")


def check_distributions(c):
    near("normal_cdf", c["normal_cdf"], stats.norm.cdf(c["x"]))
    near("normal_quantile", c["normal_quantile"], stats.norm.ppf(c["p"]))
    near("t_cdf", c["t_cdf"], stats.t.cdf(c["x"], c["dof"]))
    near("t_quantile", c["t_quantile"], stats.t.ppf(c["p"], c["dof"]))
    near("chi2_upper_tail", c["chi2_upper_tail"], stats.chi2.sf(c["chi2"], c["dof"]))
    near("normal_log_cdf", c["normal_log_cdf"], stats.norm.logcdf(-c["far"]))
    a, b, k, n, share = c["a"], c["b"], c["k"], c["n"], c["share"]
    near("beta_cdf", c["beta_cdf"], stats.beta.cdf(share, a, b))
    near("beta_quantile", c["beta_quantile"], stats.beta.ppf(c["p"], a, b))
    near("gamma_cdf", c["gamma_cdf"], stats.gamma.cdf(c["chi2"], a, scale=1 / b))
    near("gamma_upper_tail", c["gamma_upper_tail"], stats.gamma.sf(c["chi2"], a, scale=1 / b))
    near("gamma_quantile", c["gamma_quantile"], stats.gamma.ppf(c["p"], a, scale=1 / b))
    near("binomial_cdf", c["binomial_cdf"], stats.binom.cdf(k, n, share))
    near("binomial_upper_tail", c["binomial_upper_tail"], stats.binom.sf(k - 1, n, share))
    near("poisson_cdf", c["poisson_cdf"], stats.poisson.cdf(k, 10 * a))
    near("poisson_upper_tail", c["poisson_upper_tail"], stats.poisson.sf(k - 1, 10 * a))
    negative = stats.nbinom(b, b / (b + 10 * a))
    near("negative_binomial_cdf", c["negative_binomial_cdf"], negative.cdf(k))
    near("negative_binomial_upper_tail", c["negative_binomial_upper_tail"], negative.sf(k - 1))
    near("log_gamma", c["log_gamma"], special.gammaln(a))
    near("digamma", c["digamma"], special.digamma(a))
    near("trigamma", c["trigamma"], special.polygamma(1, a))
    near("log_beta", c["log_beta"], special.betaln(a, b))


def check_hypergeometric(c):
    near(f"2F1 {c}", c["value"], float(mpmath.hyp2f1(c["a"], c["b"], c["c"], c["z"])))


def delong(scores, labels):
    """DeLong's components by the definition, pair by pair."""
    scores, labels = np.array(scores), np.array(labels)
    pairs = scores[labels == 1][:, None] - scores[labels == 0][None, :]
    wins = (pairs > 0) + 0.5 * (pairs == 0)
    return wins.mean(1), wins.mean(0)


def check_metrics(c):
    actual, predicted, labels, scores = c["actual"], c["predicted"], c["labels"], c["scores"]
    near("balanced_accuracy", c["balanced_accuracy"], metrics.balanced_accuracy_score(actual, predicted))
    near("kappa", c["kappa"], metrics.cohen_kappa_score(actual, predicted))
    for average in ("micro", "macro", "weighted"):
        theirs = metrics.precision_recall_fscore_support(actual, predicted, beta=0.5, average=average, zero_division=0)
        for i in range(3):
            near(average, c[average][i], theirs[i])
    near("auc", c["auc"], metrics.roc_auc_score(labels, scores))
    near("average_precision", c["average_precision"], metrics.average_precision_score(labels, scores))
    places = np.arange(len(labels), 0, -1)
    near("ndcg", c["ndcg"], metrics.ndcg_score([c["gains"]], [places], k=10))
    near("mean_absolute", c["mean_absolute"], metrics.mean_absolute_error(scores, c["second"]))
    near("root_mean_square", c["root_mean_square"], metrics.mean_squared_error(scores, c["second"]) ** 0.5)
    near("median_absolute", c["median_absolute"], metrics.median_absolute_error(scores, c["second"]))
    near("r_squared", c["r_squared"], metrics.r2_score(scores, c["second"]))
    first, second = delong(scores, labels), delong(c["second"], labels)
    near("delong_se", c["delong_se"], sum(v.var(ddof=1) / len(v) for v in first) ** 0.5)
    near("difference_se", c["difference_se"], sum((b - a).var(ddof=1) / len(a) for a, b in zip(first, second)) ** 0.5)


def check_power(c):
    z, d = stats.norm.ppf(0.975), c["effect"] / (2 * c["variance"] / c["users"]) ** 0.5
    near("power", c["power"], stats.norm.sf(z - d) + stats.norm.cdf(-z - d))


def check_welch(c):
    a, b = np.array(c["a"]), np.array(c["b"])
    theirs = stats.ttest_ind(b, a, equal_var=False)
    interval = theirs.confidence_interval(0.95)
    near("estimate", c["estimate"], b.mean() - a.mean())
    near("p", c["p"], theirs.pvalue)
    near("dof", c["dof"], theirs.df)
    near("low", c["low"], interval.low)
    near("high", c["high"], interval.high)
    one_sided = stats.ttest_ind(b, a, equal_var=False, alternative="greater")
    near("p_greater", c["p_greater"], one_sided.pvalue)


def check_multiplicity(c):
    for ours, theirs in zip(c["benjamini_hochberg"], stats.false_discovery_control(c["p"])):
        near("benjamini_hochberg", ours, theirs)
    order = np.argsort(c["p"], kind="stable")
    scaled = np.array(c["p"])[order] * np.arange(len(order), 0, -1)
    for i, theirs in zip(order, np.minimum(1, np.maximum.accumulate(scaled))):
        near("holm", c["holm"][i], theirs)


def check_srm(c):
    users, weights = np.array(c["users"]), np.array(c["weights"])
    near("srm", c["p"], stats.chisquare(users, users.sum() * weights / weights.sum()).pvalue, 1e-8)


def main():
    cases = json.loads(subprocess.run([sys.argv[1]], check=True, capture_output=True).stdout)
    for name, check in [("distributions", check_distributions), ("hypergeometric", check_hypergeometric),
                        ("metrics", check_metrics), ("power", check_power), ("welch", check_welch),
                        ("multiplicity", check_multiplicity), ("srm", check_srm)]:
        for case in cases[name]:
            check(case)
        print(f"{name}: {len(cases[name])} cases agree")


main()
