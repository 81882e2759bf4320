"""What scikit-learn, scipy and statsmodels say of metrics, bootstraps, families of intervals, paired tests and ranks.

    python statistics.py STATISTICS.json
"""

import json
import sys
import warnings

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import brentq
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, log_loss
from statsmodels.stats.anova import AnovaRM
from statsmodels.stats.multicomp import pairwise_tukeyhsd
from statsmodels.stats.weightstats import ttost_paired

warnings.filterwarnings("ignore")
BINS = 15


def gaps(labels, scores):
    """Of each bin of confidence, (l, r], its share of the samples times its accuracy minus its mean confidence."""
    confidence, right = scores.max(axis=1), scores.argmax(axis=1) == labels
    bins = [(confidence > b / BINS) & (confidence <= (b + 1) / BINS) for b in range(BINS)]
    return [(right[own].mean() - confidence[own].mean()) * own.mean() for own in bins if own.any()]


METRICS = {
    "accuracy": lambda y, p: accuracy_score(y, p.argmax(axis=1)),
    "macroF1": lambda y, p: f1_score(y, p.argmax(axis=1), average="macro"),
    "meanAveragePrecision": lambda y, p: np.mean([average_precision_score(y == c, p[:, c]) for c in range(p.shape[1])]),
    "calibrationError": lambda y, p: sum(map(abs, gaps(y, p))),
    "overconfidence": lambda y, p: -sum(gaps(y, p)),
    "negativeLogLikelihood": lambda y, p: log_loss(y, p, labels=range(p.shape[1])),
}


def predictions(rng, n, classes, sharpness):
    """Labels, and whole numbers by class whose shares are the probabilities: some are 0, some classes may not occur."""
    labels = rng.integers(0, classes, n)
    logits = rng.standard_normal((n, classes)) + sharpness * np.eye(classes)[labels]
    counts = rng.multinomial(40, [0.97 * p + 0.03 / classes for p in softmax(2 * logits)])
    return labels, counts


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def case(labels, counts):
    return {"labels": labels.tolist(), "counts": counts.tolist()}


def metrics(rng):
    cases = []
    for n, classes in [(1, 2), (3, 4), (12, 5), (40, 3), (60, 2), (25, 6)]:
        labels, counts = predictions(rng, n, classes, 1.0)
        scores = counts / 40
        cases.append({**case(labels, counts), "expected": {name: f(labels, scores) for name, f in METRICS.items()}})
    return cases


def bootstrap(rng):
    n, classes = 150, 3
    labels, counts = predictions(rng, n, classes, 1.5)
    scores = counts / 40
    found = {}
    for name, f in METRICS.items():
        result = stats.bootstrap(
            (np.arange(n),), lambda at: f(labels[at], scores[at]), vectorized=False, n_resamples=4000,
            method="percentile", rng=rng)
        low, high = result.confidence_interval
        found[name] = {"error": result.standard_error, "low": low, "high": high}
    return {**case(labels, counts), "expected": found}


def family(rng):
    """The two-sided level of each pair of k independent means of known variance, so that all cover in 95 %."""
    out = []
    for k in (2, 3, 4, 6, 10):
        q = stats.studentized_range.ppf(0.95, k, np.inf)
        data, groups = rng.standard_normal(400 * k), np.repeat(np.arange(k), 400)
        hsd = pairwise_tukeyhsd(data, groups)
        out.append({
            "means": k, "range": q, "level": 2 * stats.norm.sf(q / np.sqrt(2)),
            "tukeyhsd": 2 * stats.norm.sf(hsd.q_crit / np.sqrt(2))})
    return out


def quantiles():
    p, nu = [0.6, 0.8, 0.95, 0.975, 0.995, 0.9995], [1, 1.3, 2, 2.7, 4, 9, 30.5, 1000, 2e5]
    x = [0.1, 1.0, 2.5, 4.0, 9.0]
    return {
        "normal": [[z, stats.norm.cdf(z)] for z in (-6, -3, -1.96, -0.5, 0, 1, 2.5)],
        "studentQuantile": [[a, b, stats.t.ppf(a, b)] for a in p for b in nu],
        "fisherTail": [[a, b, c, stats.f.sf(a, b, c)] for a in x for b, c in ((1, 3), (3, 12), (5, 45))],
        "chiSquareTail": [[a, b, stats.chi2.sf(a, b)] for a in x for b in (1, 3, 9)],
        "rangeQuantile": [[a, k, stats.studentized_range.ppf(a, k, np.inf)] for a in (0.9, 0.95, 0.99)
                          for k in range(2, 11)],
    }


def paired(rng):
    out = []
    for seeds in (2, 3, 5, 10):
        a, b = 0.8 + 0.02 * rng.standard_normal(seeds), 0.79 + 0.02 * rng.standard_normal(seeds)
        result = stats.ttest_rel(a, b)
        low, high = result.confidence_interval(0.95)
        # The least margin within which the two are equivalent at 5 %.
        bound = brentq(lambda m: ttost_paired(a, b, -m, m)[0] - 0.05, 1e-6, 10)
        out.append({
            "a": a.tolist(), "b": b.tolist(), "low": low, "high": high, "statistic": result.statistic, "bound": bound})
    return out


def friedman(rng):
    out = []
    for sets, k in [(5, 3), (10, 4), (14, 6), (6, 2)]:
        table = np.round(0.7 + 0.05 * rng.standard_normal((sets, k)) + 0.02 * np.arange(k), 2)
        ranks = stats.rankdata(-table, axis=1)
        chi, p = stats.friedmanchisquare(*table.T) if k > 2 else (None, None)
        # Iman and Davenport's F is that of an analysis of variance of the ranks.
        long = pd.DataFrame({"rank": ranks.ravel(), "set": np.repeat(range(sets), k), "method": np.tile(range(k), sets)})
        f = AnovaRM(long, "rank", "set", ["method"]).fit().anova_table.iloc[0]
        out.append({
            "table": table.tolist(), "ranks": ranks.mean(axis=0).tolist(), "chiSquare": chi, "chiSquareP": p,
            "f": f["F Value"], "fP": f["Pr > F"]})
    return out


if __name__ == "__main__":
    rng = np.random.default_rng(20260201)
    golden = {
        "metrics": metrics(rng), "bootstrap": bootstrap(rng), "family": family(rng), "quantiles": quantiles(),
        "paired": paired(rng), "friedman": friedman(rng)}
    with open(sys.argv[1], "w") as file:
        json.dump(golden, file, default=float)
        file.write("\n")
