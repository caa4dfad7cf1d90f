#!/usr/bin/python3
"""Writes metrics.h: accuracy, negative log-likelihood, Brier score, calibration error and bootstrap intervals of made-up
scores, by scikit-learn, SciPy and NumPy in float64, none of which shares code or formulas with ours.

Made with Python 3.11, NumPy 1.24.2, SciPy 1.10.1, scikit-learn 1.2.1. Run in this folder: /usr/bin/python3 make_metrics.py
The scores are those of made_up_scores() in test_metrics.c: a xorshift32 sequence, so that no input needs to be stored.
"""
import numpy as np
import scipy.special
import scipy.stats
import sklearn.metrics


def words(seed):
    state = seed
    while True:
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        yield state


def made_up_scores(n, k, seed, scale, help):
    """Labels drawn at random, logits uniform in -scale..scale, the label's own raised by `help`."""
    w = words(seed)
    labels = np.zeros(n, int)
    z = np.zeros((n, k), np.float32)
    for i in range(n):
        labels[i] = next(w) % k
        for j in range(k):
            uniform = np.float32(next(w) >> 8) / np.float32(1 << 24)
            z[i, j] = np.float32(np.float32(uniform - np.float32(0.5)) * np.float32(2 * scale))
        z[i, labels[i]] = np.float32(z[i, labels[i]] + np.float32(help))
    return z, labels


def calibration_error(p, labels, bins=15):
    top, guess = p.max(1), p.argmax(1)
    which = np.digitize(top, np.linspace(0, 1, bins + 1)[1:-1], right=True)
    total = 0.0
    for b in range(bins):
        inside = which == b
        if inside.any():
            total += inside.mean() * abs((guess == labels)[inside].mean() - top[inside].mean())
    return total


cases = [(500, 10, 1, 4, 2), (300, 2, 2, 2, 1), (200, 1000, 3, 6, 5), (1, 3, 4, 1, 0), (64, 1, 5, 3, 0), (400, 10, 6, 60, 30)]
out = open("metrics.h", "w")
print("/* Made by make_metrics.py; see there. */", file=out)
print("static const struct {\n    int n, k;\n    uint32_t seed;\n    float scale, help;\n    int64_t correct;\n"
      "    double nll, brier, ece;\n    uint64_t confusion; /* sum over label, prediction of count (7 label + prediction + 1)^2 */\n} golden[] = {", file=out)
for n, k, seed, scale, help in cases:
    z, labels = made_up_scores(n, k, seed, scale, help)
    p = scipy.special.softmax(z.astype(np.float64), axis=1)
    onehot = np.eye(k)[labels]
    # log_loss of the library clips probabilities at 1e-15; log_softmax does not
    nll = -scipy.special.log_softmax(z.astype(np.float64), axis=1)[np.arange(n), labels].mean()
    if k > 1 and scale < 10:
        assert abs(nll - sklearn.metrics.log_loss(labels, p, labels=range(k))) < 1e-12
    brier = ((p - onehot) ** 2).sum(1).mean()
    if k == 2:  # the library's form counts one class of the two: half of ours
        assert abs(brier - 2 * sklearn.metrics.brier_score_loss(labels, p[:, 1])) < 1e-12
    confusion = sklearn.metrics.confusion_matrix(labels, p.argmax(1), labels=range(k))
    a, b = np.indices(confusion.shape)
    check = int((confusion.astype(np.int64) * (7 * a + b + 1) ** 2).sum())
    print(f"    {{{n}, {k}, {seed}, {scale}, {help}, {(p.argmax(1) == labels).sum()}, {nll!r}, {brier!r},\n"
          f"     {calibration_error(p, labels)!r}, {check}u}},", file=out)
print("};\n", file=out)

# Intervals. An image has a clean answer and five corrupted ones whose errors are correlated, as in real results.
n = 400
w = words(77)
hard = np.array([next(w) / 2**32 for _ in range(n)])
clean = (hard < 0.9).astype(float)
versions = np.array([[float(hard[i] + 0.1 * s + 0.2 * (next(w) / 2**32) < 1.0) for s in range(5)] for i in range(n)])
mean = versions.mean(1)
figures = {"clean": clean, "mean over five": mean, "the difference": clean - mean}
print("/* value, low, high by scipy.stats.bootstrap (percentile, 100,000 resamples), standard deviation of the mean */\n"
      "static const double golden_intervals[3][4] = {", file=out)
for name, v in figures.items():
    r = scipy.stats.bootstrap((v,), np.mean, n_resamples=100000, method="percentile", batch=1000,
                              random_state=np.random.default_rng(5))
    print(f"    {{{v.mean()!r}, {r.confidence_interval.low!r}, {r.confidence_interval.high!r}, {v.std() / np.sqrt(n)!r}}}, /* {name} */",
          file=out)
print("};", file=out)
