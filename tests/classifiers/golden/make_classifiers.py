#!/usr/bin/python3
"""Writes classifiers.h: what scikit-learn and NumPy make of made-up features that test_classifiers.c makes as well.

Debian 12's python3-sklearn 1.2.1 and python3-numpy 1.24.2. Features are max(0, noise + centre of the class), float32, from
the hash of tests/training/made_up.h (MurmurHash3's finaliser), so that only results are kept here.
"""
import os
import sys

import numpy as np
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid

N, TEST, D, K = 330, 12, 37, 12
L2 = 0.02
WEAK_L2 = 1e-4


def mix(x):
    x = np.asarray(x, np.uint32).copy()
    with np.errstate(over='ignore'):
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x85ebca6b)
        x ^= x >> np.uint32(13)
        x *= np.uint32(0xc2b2ae35)
        x ^= x >> np.uint32(16)
    return x


def hashed(stream, index):
    with np.errstate(over='ignore'):
        return mix(np.asarray(index, np.uint32) + mix(np.uint32(stream)) * np.uint32(0x9e3779b9))


def uniform(stream, index):
    return (hashed(stream, index) >> np.uint32(8)).astype(np.float32) * np.float32(2.0 ** -23) - np.float32(1)


def make(stream, n):
    labels = (hashed(stream, np.arange(n)) % np.uint32(K)).astype(np.int64)
    noise = uniform(stream + 1, np.arange(n * D)).reshape(n, D)
    centre = uniform(30, (labels[:, None] * D + np.arange(D)[None]).ravel()).reshape(n, D)
    return np.maximum(noise + centre * np.float32(0.5) + np.float32(1), np.float32(0)), labels


def numbers(name, values, kind='double'):
    values = np.asarray(values)
    shape = ''.join(f'[{n}]' for n in (values.size,))
    text = ', '.join(str(int(v)) if kind == 'int' else f'{v:.9g}' for v in values.ravel())
    lines, line = [], '   '
    for word in text.split(' '):
        if len(line) + len(word) > 118:
            lines.append(line)
            line = '   '
        line += ' ' + word
    return f'static const {kind} {name}{shape} = {{\n' + '\n'.join(lines + [line]) + '};\n'


def main():
    x, y = make(20, N)
    t, _ = make(22, TEST)
    exact = x.astype(np.float64)
    onehot = np.eye(K)[y]

    def objective(p, l2):
        w, b = p[:K * D].reshape(K, D), p[K * D:]
        z = exact @ w.T + b
        z -= z.max(1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(1, keepdims=True))
        d = (np.exp(log_p) - onehot) / N
        return (-(onehot * log_p).sum() / N + l2 / 2 * (w * w).sum(),
                np.concatenate([(d.T @ exact + l2 * w).ravel(), d.sum(0)]))

    def minimum(l2):
        fit = LogisticRegression(C=1 / (l2 * N), tol=1e-12, max_iter=100000, solver='newton-cg').fit(exact, y)
        # scikit-learn's answer to the last digit: the same objective by another minimiser from there
        start = np.concatenate([fit.coef_.ravel(), fit.intercept_ - fit.intercept_.mean()])
        best = minimize(objective, start, args=(l2,), jac=True, method='BFGS', options={'gtol': 1e-12}).x
        assert np.abs(best - start).max() < 1e-5, np.abs(best - start).max()
        w, b = best[:K * D].reshape(K, D), best[K * D:]
        # and how far scikit-learn's default solver and tolerance stay from it
        default = LogisticRegression(C=1 / (l2 * N), max_iter=100000).fit(x, y)
        return w, b - b.mean(), objective(best, l2)[0] - l2 / 2 * (w * w).sum(), np.abs(default.coef_ - w).max()

    w, b, loss, _ = minimum(L2)
    weak_w, weak_b, weak_loss, weak_default = minimum(WEAK_L2)
    unit = exact / np.linalg.norm(exact, axis=1, keepdims=True)
    cosine = t.astype(np.float64) @ unit.T / np.linalg.norm(t.astype(np.float64), axis=1, keepdims=True)
    scores = np.zeros((TEST, K))
    for i in range(TEST):
        near = np.argsort(-cosine[i], kind='stable')[:20]
        vote = np.exp(cosine[i, near] / 0.07)
        np.add.at(scores[i], y[near], vote / vote.sum())
    means = NearestCentroid().fit(exact, y)
    folder = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(folder, 'classifiers.h'), 'w', encoding='ascii') as out:
        out.write('/* Made by make_classifiers.py: not to be edited. */\n')
        out.write(f'#define GOLDEN_LOSS {loss:.12g}\n')
        out.write(f'#define GOLDEN_WEAK_LOSS {weak_loss:.12g}\n#define GOLDEN_WEAK_DEFAULT {weak_default:.3g}\n')
        out.write(numbers('golden_weight', w) + numbers('golden_bias', b) + numbers('golden_votes', scores))
        out.write(numbers('golden_weak_weight', weak_w) + numbers('golden_weak_bias', weak_b))
        out.write(numbers('golden_nearest_mean', means.predict(t), 'int'))


if __name__ == '__main__':
    sys.exit(main())
