"""Compares the answers of oracle_cause_cases with statsmodels, SciPy and the formulas written again in NumPy:
oracle_causes.py PROGRAM [CASES]."""

import itertools
import json
import subprocess
import sys
import warnings

SKIPPED = 77
warnings.filterwarnings("ignore")

try:
    import numpy as np
    from scipy import optimize, stats
    from statsmodels.api import OLS
    from statsmodels.tsa.seasonal import STL
except ImportError as error:
    print(f"skipped: {error} (./dev setup makes the test environment)")
    sys.exit(SKIPPED)


def near(name, ours, theirs, tolerance=1e-8, floor=1e-11):
    if ours is None or not np.allclose(ours, theirs, rtol=tolerance, atol=floor):
        raise AssertionError(f"{name}: {ours!r} here, {theirs!r} there")


class Arm:
    """Moments from people, not from sums."""

    def __init__(self, people, kind):
        y, d, x, e = (np.array(people[k]) for k in "ydxe")
        self.n = len(y)
        if kind == "ratio":
            self.mean = y.mean() / d.mean()
            self.covariance = np.cov([y, d, x, e])
            self.means = np.array([v.mean() for v in (y, d, x, e)])
            g = np.array([1 / d.mean(), -y.mean() / d.mean() ** 2, 0, 0])
            h = np.array([0, 0, 1 / e.mean(), -x.mean() / e.mean() ** 2])
            self.gg, self.gh, self.hh = (a @ self.covariance @ b for a, b in ((g, g), (g, h), (h, h)))
            self.variance, self.pre = self.gg, x.mean() / e.mean()
        else:
            self.mean, self.pre = y.mean(), x.mean()
            self.variance = y.var(ddof=0 if kind == "proportion" else 1)
            hits = kind == "proportion" and np.isin(x, (0, 1)).all()
            self.gh, self.hh = np.cov(y, x, ddof=0 if hits else 1)[0, 1], x.var(ddof=0 if hits else 1)
            self.gg = self.variance


def check_compare(c):
    a, b = Arm(c["a"], c["kind"]), Arm(c["b"], c["kind"])
    n = a.n + b.n
    for effect in ("absolute", "relative"):
        relative = effect == "relative"
        scale = abs(a.mean) if relative else 1
        ratio = b.mean / a.mean if relative else 1
        d = (b.mean - a.mean) / scale
        se = (b.variance / b.n + ratio ** 2 * a.variance / a.n) ** 0.5 / scale
        va, vb = a.variance / a.n, b.variance / b.n
        dof = (va + vb) ** 2 / (va ** 2 / (a.n - 1) + vb ** 2 / (b.n - 1))
        ours = c["answers"][f"{effect} fixed"]
        half = stats.t.ppf(0.975, dof) * se
        for key, theirs in (("estimate", d), ("se", se), ("dof", dof), ("p", 2 * stats.t.sf(abs(d / se), dof)),
                            ("interval", [d - half, d + half])):
            near(f"fixed {effect} {key}", ours[key], theirs)
        ours = c["answers"][f"{effect} greater"]
        near("greater", [ours["p"], ours["interval"][0]], [stats.t.sf(d / se, dof), d - stats.t.ppf(0.95, dof) * se])
        assert ours["interval"][1] is None

        ours = c["answers"][f"{effect} sequential"]
        alpha = 0.05
        rho2 = (-2 * np.log(alpha) + np.log(-2 * np.log(alpha) + 1)) / c["tuning"]
        half = se * np.sqrt(n) * np.sqrt(2 * (n * rho2 + 1) / (n ** 2 * rho2) * np.log(np.sqrt(n * rho2 + 1) / alpha))
        e = np.exp(rho2 * d * d * n / se ** 2 / (2 * (n * rho2 + 1))) / np.sqrt(n * rho2 + 1)
        near(f"sequential {effect}", ours["interval"], [d - half, d + half])
        near(f"sequential {effect} p", ours["p"], min(1, 1 / e))

        ours = c["answers"][f"{effect} looks_lesser"]
        rho2 = (-2 * np.log(2 * alpha) + np.log(-2 * np.log(2 * alpha) + 1)) / c["tuning"]

        def one_sided(level):
            term = np.log(1 + np.sqrt(n * rho2 + 1) / (2 * level))
            return se * np.sqrt(n) * np.sqrt(2 * (n * rho2 + 1) / (n ** 2 * rho2) * term)

        near(f"one-sided {effect}", ours["interval"][1], d + one_sided(alpha))
        assert ours["interval"][0] is None
        low, high = 1e-5, 0.4999
        if d + one_sided(low) < 0:
            p = low
        elif d + one_sided(high) > 0:
            p = high
        else:
            p = optimize.brentq(lambda level: d + one_sided(level), low, high, xtol=1e-13)
        near(f"one-sided {effect} p", ours["p"], p, 0, 1.1e-6)

        ours = c["answers"][f"{effect} bayesian"]
        m0, s0 = c["prior_mean"], c["prior_sd"]
        if not relative:
            m0, s0 = m0 * abs(a.mean), s0 * abs(a.mean)
        precision = 1 / se ** 2 + 1 / s0 ** 2
        m, s = (d / se ** 2 + m0 / s0 ** 2) / precision, precision ** -0.5
        z = m / s
        near(f"bayesian {effect}", [ours["estimate"], ours["se"], ours["chance_to_win"]], [m, s, stats.norm.cdf(z)])
        near("interval", ours["interval"], [m - stats.norm.ppf(0.975) * s, m + stats.norm.ppf(0.975) * s])
        keep, ship = (m * stats.norm.cdf(z) + s * stats.norm.pdf(z) if z > -37 else 0,
                      s * stats.norm.pdf(z) - m * stats.norm.cdf(-z) if z < 37 else 0)
        near("risk", [ours["risk"]["keep"], ours["risk"]["ship"]], [keep, ship], 1e-7, 1e-11)

        ours = c["answers"][f"{effect} cuped"]
        if c["kind"] == "ratio":
            theta = (a.gh + b.gh) / (a.hh + b.hh)
        else:
            # Over both arms together, as one sample.
            y, x = (np.concatenate([c["a"][k], c["b"][k]]) for k in "yx")
            theta = np.cov(y, x)[0, 1] / x.var(ddof=1)
        difference = (b.mean - theta * b.pre) - (a.mean - theta * a.pre)
        treatment = b.gg + theta ** 2 * b.hh - 2 * theta * b.gh
        control = ratio ** 2 * a.gg + theta ** 2 * a.hh - 2 * theta * ratio * a.gh
        near(f"cuped {c['kind']} {effect}", [ours["estimate"], ours["se"]],
             [difference / scale, (treatment / b.n + control / a.n) ** 0.5 / scale], 1e-7)


def curve_of(order, treated, outcome):
    people, uplift, qini = [0], [0], [0]
    for cut in np.unique(order)[::-1]:
        chosen = order >= cut
        t, u = chosen & (treated == 1), chosen & (treated == 0)
        nt, nu, yt, yu = t.sum(), u.sum(), outcome[t].sum(), outcome[u].sum()
        people.append(nt + nu)
        uplift.append(((yt / nt if nt else 0) - (yu / nu if nu else 0)) * (nt + nu))
        qini.append(yt - (yu * nt / nu if nu else 0))
    return np.array(people), np.array(uplift), np.array(qini)


def check_uplift(c):
    score, w, y = (np.array(c[k]) for k in ("score", "treated", "outcome"))
    people, uplift, qini = curve_of(score, w, y)
    near("people", c["people"], people)
    near("uplift curve", c["curve"], uplift)
    near("qini curve", c["qini_curve"], qini)

    def coefficient(model, perfect, random):
        best = perfect - random
        return (model - random) / best if best != 0 else 0

    second = y if ((w == 0) & (y == 1)).sum() > ((w == 1) & (y == 0)).sum() else w
    best, curve, _ = curve_of(2 * (y == w) + second, w, y)
    near("uplift auc", c["uplift_auc"],
         coefficient(np.trapz(uplift, people), np.trapz(curve, best), people[-1] * uplift[-1] / 2))
    best, _, curve = curve_of(y * w - y * (1 - w), w, y)
    near("qini", c["qini"], coefficient(np.trapz(qini, people), np.trapz(curve, best), people[-1] * qini[-1] / 2))
    e, would = c["propensity"], score >= 0.5
    weight = np.where(w == 1, 1 / e, 1 / (1 - e)) * y
    values = np.where(would == (w == 1), weight, 0)
    if "value" in c:  # else the values do not vary, and there is no interval
        near("policy", [c["value"], c["se"], c["treat_share"], c["all"], c["none"]],
             [values.mean(), values.std(ddof=1) / len(y) ** 0.5, would.mean(), (weight * w).mean(), (weight * (1 - w)).mean()])
    else:
        assert values.std() == 0, "a policy was refused whose values vary"
    if "effect" in c:
        theirs = stats.ttest_ind(y[w == 1], y[w == 0], equal_var=False)
        near("effect", [c["effect"], c["effect_p"]], [y[w == 1].mean() - y[w == 0].mean(), theirs.pvalue])


def check_ope(c):
    r, p, t, q, m = (np.array(c[k]) for k in ("reward", "propensity", "target", "predicted", "mean"))
    w, n = t / p, len(r)
    clipped, switched = np.minimum(w, 3), np.where(w <= 3, w, 0)
    terms = {"ips": w * r, "clipped": clipped * r, "direct": m, "dr": m + w * (r - q), "switch": m + switched * (r - q)}
    for name, ours in c["answers"].items():
        if name == "snips":
            value = (w * r).sum() / w.sum()
            se = np.sqrt((w ** 2 * (r - value) ** 2).sum()) / w.sum()
        else:
            value, se = terms[name].mean(), terms[name].std(ddof=1) / n ** 0.5
        near(name, [ours["value"], ours["se"], ours["low"], ours["size"]],
             [value, se, value - stats.norm.ppf(0.95) * se, w.sum() ** 2 / (w ** 2).sum()])


def check_did(c):
    y, w, t = (np.array(c[k]) for k in ("y", "treated", "after"))
    x = np.column_stack([np.ones(len(y)), w, t, w * t])
    # Of a saturated regression HC2's errors are those of Welch.
    theirs = OLS(y, x).fit(cov_type="HC2")
    near("groups", [c["groups"]["estimate"], c["groups"]["se"]], [theirs.params[3], theirs.bse[3]])
    cells = [y[(w == i) & (t == j)] for i in (0, 1) for j in (0, 1)]
    v = np.array([g.var(ddof=1) / len(g) for g in cells])
    dof = v.sum() ** 2 / sum(s ** 2 / (len(g) - 1) for s, g in zip(v, cells))
    half = stats.t.ppf(0.975, dof) * theirs.bse[3]
    near("groups' test", [c["groups"]["dof"], c["groups"]["low"], c["groups"]["p"]],
         [dof, theirs.params[3] - half, 2 * stats.t.sf(abs(theirs.params[3] / theirs.bse[3]), dof)])
    change, w = np.array(c["unit_after"]) - np.array(c["unit_before"]), np.array(c["unit_treated"])
    theirs = OLS(change, np.column_stack([np.ones(len(w)), w])).fit(cov_type="HC2")
    welch = stats.ttest_ind(change[w == 1], change[w == 0], equal_var=False)
    ours = c["units"]
    near("units", [ours["estimate"], ours["se"], ours["p"], ours["dof"], ours["low"]],
         [theirs.params[1], theirs.bse[1], welch.pvalue, welch.df, welch.confidence_interval().low])


def simplex(donors, y):
    k = donors.shape[1]
    found = optimize.minimize(lambda w: ((donors @ w - y) ** 2).sum() / 2, np.full(k, 1 / k),
                              jac=lambda w: donors.T @ (donors @ w - y), bounds=[(0, 1)] * k, method="SLSQP",
                              constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(k)},
                              options={"ftol": 1e-15, "maxiter": 500})
    return found.x


def check_synthetic(c, number):
    donors, y, w = np.array(c["donors"]).reshape(-1, c["k"]), np.array(c["treated"]), np.array(c["weights"])
    head, target = donors[:c["start"]], y[:c["start"]]
    assert w.min() >= 0
    near("sum of weights", w.sum(), 1, 0, 1e-12)
    # Karush-Kuhn-Tucker: the slope is the same where there is weight and not lower where there is none.
    slope = head.T @ (head @ w - target)
    level = slope @ w
    near("slopes with weight", slope[w > 0], level, 0, 1e-7)
    assert (slope[w == 0] >= level - 1e-7).all()
    gap = y - donors @ w
    before, after = gap[:c["start"]], gap[c["start"]:]
    near("synthetic", c["synthetic"], donors @ w)
    near("effect", [c["effect"], c["rmse_before"]], [after.mean(), (before ** 2).mean() ** 0.5])
    ratio = ((after ** 2).mean() / (before ** 2).mean()) ** 0.5
    near("ratio", c["ratio"], ratio)
    if number >= 100:
        return
    near("SLSQP", w, simplex(head, target), 0, 1e-5)
    count = 1
    for j in range(c["k"]):
        others, placebo = donors.copy(), donors[:, j]
        others[:, j] = y
        gap = placebo - others @ simplex(others[:c["start"]], placebo[:c["start"]])
        count += ((gap[c["start"]:] ** 2).mean() / (gap[:c["start"]] ** 2).mean()) ** 0.5 >= ratio
    near("placebo p", c["p"], count / (c["k"] + 1))


def markov(paths, channels):
    start, won, lost = channels, channels + 1, channels + 2
    counts = np.zeros((channels + 3, channels + 3))
    for p in paths:
        steps = [start] + [int(s) for s in p["channels"]] + [won if p["conversions"] > 0 else lost]
        for i, j in zip(steps, steps[1:]):
            counts[i, j] += p["count"]

    def conversion(removed):
        m = counts.copy()
        if removed is not None:
            m[:, lost] += m[:, removed]
            m[:, removed], m[removed] = 0, 0
        inner = m[:channels + 1]
        total = inner.sum(1, keepdims=True)
        q = np.divide(inner, total, out=np.zeros_like(inner), where=total > 0)
        return np.linalg.solve(np.eye(channels + 1) - q[:, :channels + 1], q[:, won])[start]

    whole = conversion(None)
    return np.array([max(0, 1 - conversion(k) / whole) if whole > 0 else 0 for k in range(channels)])


def check_attribution(c):
    channels, paths = c["channels"], c["paths"]
    total = sum(p["conversions"] * p["count"] for p in paths)
    credit = {rule: np.zeros(channels) for rule in ("last", "first", "linear", "position", "decay")}
    for p in paths:
        steps, worth, n = [int(s) for s in p["channels"]], p["conversions"] * p["count"], len(p["channels"])
        times = np.array(p["times"])
        position = np.full(n, 1 / n) if n <= 2 else np.array([0.35] + [0.3 / (n - 2)] * (n - 2) + [0.35])
        decay = 0.5 ** ((times[-1] - times) / 3)
        for rule, weights in (("last", np.eye(n)[-1]), ("first", np.eye(n)[0]), ("linear", np.full(n, 1 / n)),
                              ("position", position), ("decay", decay / decay.sum())):
            np.add.at(credit[rule], steps, weights * worth)
    values = [(frozenset(int(s) for s in p["channels"]), p["conversions"] * p["count"]) for p in paths]
    shapley = np.zeros(channels)
    orders = list(itertools.permutations(range(channels)))
    for order in orders:
        before, seen = 0, set()
        for k in order:
            seen.add(k)
            now = sum(v for s, v in values if s <= seen)
            shapley[k] += (now - before) / len(orders)
            before = now
    credit["shapley"] = shapley
    effects = markov(paths, channels)
    credit["markov"] = effects * total / effects.sum() if effects.sum() > 0 else effects
    for rule, theirs in credit.items():
        near(rule, c[rule], theirs, 1e-8, 1e-9)


def check_stl(c):
    theirs = STL(np.array(c["y"]), period=c["period"], seasonal=c["window"], robust=True).fit(inner_iter=1, outer_iter=15)
    near("season", c["seasonal"], theirs.seasonal, 1e-8, 1e-8)
    near("trend", c["trend"], theirs.trend, 1e-8, 1e-8)
    near("weights", c["weights"], theirs.weights, 1e-7, 1e-7)


def check_detectors(c):
    y = np.array(c["y"])
    z, up, down, total, mean, seen = 0.1, 0, 0, 0, 0, 0
    for t, v in enumerate(y):
        z = 0.3 * v + 0.7 * z
        near("EWMA", [c["average"][t], c["width"][t]],
             [z, 3 * 1.2 * (0.3 / 1.7 * (1 - 0.7 ** (2 * t + 2))) ** 0.5])
        up, down = max(0, up + v - 0.1 - 0.4), max(0, down - v + 0.1 - 0.4)
        near("CUSUM", [c["high"][t], c["low"][t]], [up, down])
        seen += 1
        mean += (v - mean) / seen
        total = max(0, 0.99 * total + v - mean - 0.01)
        alarm = seen >= 5 and total > 6
        near("Page-Hinkley", [c["sum"][t], c["alarm"][t]], [total, alarm])
        if alarm:
            total, mean, seen = 0, 0, 0
    # Adams and MacKay's recursion over all run lengths; ours forgets none below 200.
    p, precision, weighted = np.ones(1), np.full(1, 0.5), np.zeros(1)
    for t, v in enumerate(y):
        likelihood = stats.norm.pdf(v, weighted / precision, np.sqrt(1 + 1 / precision))
        reset = (p * likelihood * 0.02).sum()
        p = np.concatenate([[reset], p * likelihood * 0.98])
        p /= p.sum()
        precision = np.concatenate([[0.5], precision + 1])
        weighted = np.concatenate([[0], weighted + v])
        near("run lengths", c["probability"][t], p.max(), 1e-8)
        near("run", p[int(c["run"][t])], p.max(), 1e-8)
    left, statistic, critical, outliers = list(y), [], [], 0
    for i in range(1, 9):
        values = np.array(left)
        s = values.std(ddof=1)
        distance = np.abs(values - values.mean())
        if len(np.unique(values[distance > distance.max() - 1e-9])) > 1:
            return  # two lie equally far out at either side: either may go first
        statistic.append(distance.max() / s)
        left.pop(int(distance.argmax()))
        n = len(y)
        q = stats.t.ppf(1 - 0.05 / (2 * (n - i + 1)), n - i - 1)
        critical.append(q * (n - i) / ((n - i - 1 + q * q) * (n - i + 1)) ** 0.5)
        if statistic[-1] > critical[-1]:
            outliers = i
    near("ESD", c["critical"], critical)
    near("ESD", c["statistic"], statistic)
    assert c["outliers"] == outliers


def main():
    program, cases = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "1000"
    answers = json.loads(subprocess.run([program, cases], check=True, capture_output=True).stdout)
    wrong = 0
    for name, check in [("compare", check_compare), ("uplift", check_uplift), ("ope", check_ope), ("did", check_did),
                        ("synthetic", check_synthetic), ("attribution", check_attribution), ("stl", check_stl),
                        ("detectors", check_detectors)]:
        agreed = 0
        for number, case in enumerate(answers[name]):
            try:
                check(case, number) if name == "synthetic" else check(case)
                agreed += 1
            except (AssertionError, KeyError) as error:
                wrong += 1
                if wrong < 20:
                    print(f"{name} {number}: {error!r}")
        print(f"{name}: {agreed} of {len(answers[name])} cases agree", flush=True)
    sys.exit(1 if wrong else 0)


main()
