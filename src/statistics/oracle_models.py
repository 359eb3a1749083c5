"""Compares the answers of oracle_model_cases with lifetimes, lifelines and statsmodels: oracle_models.py PROGRAM [CASES]."""

import json
import subprocess
import sys
import tempfile
import warnings

SKIPPED = 77
warnings.filterwarnings("ignore")

try:
    import lifetimes
    import numpy as np
    import pandas as pd
    from lifelines import KaplanMeierFitter
    from lifelines.statistics import multivariate_logrank_test
    from lifetimes.datasets import load_cdnow_summary_data_with_monetary_value
    from scipy import stats
    from statsmodels.api import OLS
    from statsmodels.duration.hazard_regression import PHReg
    from statsmodels.duration.survfunc import SurvfuncRight, survdiff
    from statsmodels.tsa.seasonal import STL
except ImportError as error:
    print(f"skipped: {error} (./dev setup makes the test environment)")
    sys.exit(SKIPPED)


def near(name, ours, theirs, tolerance=1e-8, floor=1e-12):
    if not np.allclose(ours, theirs, rtol=tolerance, atol=floor):
        raise AssertionError(f"{name}: {ours!r} here, {theirs!r} there")


def fitted(fitter, names, values):
    fitter.params_ = pd.Series(values, index=names)
    fitter.predict = None
    return fitter


def check_value(c):
    x, tx, age, spend = (np.array(c[k], dtype=float) for k in ("frequency", "recency", "age", "spend"))
    ones, t = np.ones(len(x)), c["t"]
    theirs = lifetimes.BetaGeoFitter._negative_log_likelihood(np.log(c["bgnbd"]), x, tx, age, ones, 0)
    near("BG/NBD likelihood", c["bgnbd_ll"], -theirs * len(x))
    model = fitted(lifetimes.BetaGeoFitter(), ["r", "alpha", "a", "b"], c["bgnbd"])
    near("BG/NBD alive", c["bgnbd_alive"], model.conditional_probability_alive(x, tx, age))
    # SciPy's hypergeometric function, which lifetimes uses, loses digits where ours does not: 1e-6.
    near("BG/NBD expected", c["bgnbd_expected"],
         model.conditional_expected_number_of_purchases_up_to_time(t, x, tx, age), 1e-6)
    near("BG/NBD new", c["bgnbd_new"], model.expected_number_of_purchases_up_to_time(t), 1e-8)
    theirs = lifetimes.ParetoNBDFitter._conditional_log_likelihood(c["pareto"], x, tx, age).sum()
    near("Pareto/NBD likelihood", c["pareto_ll"], theirs)
    model = fitted(lifetimes.ParetoNBDFitter(), ["r", "alpha", "s", "beta"], c["pareto"])
    near("Pareto/NBD alive", c["pareto_alive"], model.conditional_probability_alive(x, tx, age), 1e-8)
    near("Pareto/NBD expected", c["pareto_expected"],
         model.conditional_expected_number_of_purchases_up_to_time(t, x, tx, age), 1e-8)
    near("Pareto/NBD new", c["pareto_new"], model.expected_number_of_purchases_up_to_time(t))
    again = x > 0
    if again.any():
        theirs = lifetimes.GammaGammaFitter._negative_log_likelihood(
            np.log(c["gamma"]), x[again], spend[again], np.ones(again.sum()), 0)
        near("Gamma-Gamma likelihood", c["gamma_ll"], -theirs * again.sum())
        p, q, v = c["gamma"]
        model = fitted(lifetimes.GammaGammaFitter(), ["p", "q", "v"], c["gamma"])
        near("Gamma-Gamma mean", np.array(c["spend_expected"])[again],
             model.conditional_expected_average_profit(x[again], spend[again]))


LIFELINES = 40  # cases; each takes it longer than statsmodels a hundred


def check_survival(c, number):
    duration, observed = np.array(c["duration"]), np.array(c["observed"])
    steps, ours = np.array(c["times"]), np.array(c["survival"])
    inside = ours > 0
    km = SurvfuncRight(duration, observed)
    seen = np.isin(km.surv_times, steps)
    near("Kaplan-Meier", ours, km.surv_prob[seen])
    near("Greenwood", np.array(c["se"])[inside], km.surv_prob_se[seen][inside])
    curve, errors = km.surv_prob[seen][inside], km.surv_prob_se[seen][inside]
    width = stats.norm.ppf(0.975) * errors / curve / np.log(curve)
    near("interval", np.array(c["low"])[inside], curve ** np.exp(-width))
    near("interval", np.array(c["high"])[inside], curve ** np.exp(width))
    if number < LIFELINES:
        km = KaplanMeierFitter().fit(duration, observed)
        near("Kaplan-Meier", ours, km.survival_function_at_times(steps).values)
        low, high = (km.confidence_interval_.iloc[:, i].loc[steps].values for i in (0, 1))
        near("interval", np.array(c["low"])[inside], low[inside])
        near("interval", np.array(c["high"])[inside], high[inside])
    if "chi2" in c:
        chi2, p = survdiff(duration, observed, np.array(c["group"]))
        near("log-rank", [c["chi2"], c["p"]], [chi2, p])
        if number < LIFELINES:
            theirs = multivariate_logrank_test(duration, c["group"], observed)
            near("log-rank", [c["chi2"], c["p"]], [theirs.test_statistic, theirs.p_value])
    if "coefficients" in c:
        x = np.array(c["x"]).reshape(-1, 2)
        model = PHReg(duration, x, status=observed, ties="efron")
        near("Cox likelihood", c["log_likelihood"], model.loglike(np.array(c["coefficients"])))
        # At the maximum the score is 0, and the errors follow from the curvature there.
        near("Cox score", model.score(np.array(c["coefficients"])), 0, 0, 1e-7)
        covariance = np.linalg.inv(-model.hessian(np.array(c["coefficients"])))
        near("Cox errors", c["errors"], np.sqrt(np.diag(covariance)))


def check_series(c):
    y = np.array(c["y"])
    theirs = STL(y, period=c["period"], seasonal=c["seasonal_window"]).fit()
    near("STL season", c["seasonal"], theirs.seasonal, 1e-8, 1e-10)
    near("STL trend", c["trend"], theirs.trend, 1e-8, 1e-10)
    n, start = len(y), c["start"]
    t = np.arange(n)
    x = np.column_stack([np.ones(n), t, t >= start, np.where(t >= start, t - start, 0)])
    theirs = OLS(y, x).fit(cov_type="HAC", cov_kwds={"maxlags": 3, "use_correction": False})
    near("segments", [c["level"], c["slope_change"]], theirs.params[2:], 1e-8, 1e-10)
    near("Newey-West", [c["level_se"], c["slope_change_se"]], theirs.bse[2:], 1e-8, 1e-10)


def check_fits(program):
    """The published fits on CDNOW, which comes with lifetimes; there in weeks of two decimals, published from whole days."""
    data = load_cdnow_summary_data_with_monetary_value()[["frequency", "recency", "T", "monetary_value"]]
    assert len(data) == 2357 and (data.frequency > 0).sum() == 946 and data.frequency.sum() == 2457
    for column in ("recency", "T"):
        data[column] = (7 * data[column]).round() / 7
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        data.to_csv(file.name, index=False)
        out = json.loads(subprocess.run([program, "fit", file.name], check=True, capture_output=True).stdout)
    for name, parameters, digits, likelihood, places in [("bgnbd", [0.243, 4.414, 0.793, 2.426], 3, -9582.4, 1),
                                                         ("pareto", [0.553, 10.578, 0.606, 11.669], 3, -9595.0, 1),
                                                         ("gamma", [6.25, 3.74], 2, -4055.92, 2)]:
        fit = out[name]
        near(f"{name} fit", fit["parameters"][:len(parameters)], parameters, 0, 0.501 * 10 ** -digits)
        near(f"{name} likelihood", fit["log_likelihood"], likelihood, 0, 0.501 * 10 ** -places)
        print(f"{name}: {[round(p, 4) for p in fit['parameters']]}, log-likelihood {fit['log_likelihood']:.3f}")
    # Gamma-Gamma's published v, 15.44, lies on the ridge just before the maximum, which lifetimes finds where we do: 15.45.
    again = data[data.frequency > 0]
    theirs = lifetimes.GammaGammaFitter().fit(again.frequency, again.monetary_value)
    near("Gamma-Gamma fit of lifetimes", out["gamma"]["parameters"], theirs.params_.values, 1e-4)
    near("Gamma-Gamma v", out["gamma"]["parameters"][2], 15.44, 0, 0.01)


def main():
    program, cases = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "200"
    check_fits(program)
    answers = json.loads(subprocess.run([program, cases], check=True, capture_output=True).stdout)
    for name, check in [("value", check_value), ("survival", check_survival), ("series", check_series)]:
        for number, case in enumerate(answers[name]):
            check(case, number) if name == "survival" else check(case)
        print(f"{name}: {len(answers[name])} cases agree")


main()
