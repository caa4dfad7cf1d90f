#!/usr/bin/python3
"""Writes expected.h: principal components and silhouettes of made-up features, by scikit-learn in float64.

Made with Python 3.11, NumPy 1.24.2, scikit-learn 1.2.1. Run in this folder: /usr/bin/python3 make_golden.py
The features are those of made_up() in test_pca.c: a xorshift32 sequence, so that no input needs to be stored.
"""
import numpy as np
import sklearn
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score


def made_up(n, d, classes, seed):
    state = seed
    x = np.zeros((n, d), np.float32)
    for i in range(n):
        for j in range(d):
            state ^= (state << 13) & 0xFFFFFFFF
            state ^= state >> 17
            state ^= (state << 5) & 0xFFFFFFFF
            noise = np.float32(state >> 8) / np.float32(1 << 24)
            # columns of different scale and offset, classes shifted along some of them
            x[i, j] = np.float32(noise * np.float32(1 + j % 5)) + np.float32((i % classes) * ((j % 3) == 0)) + np.float32(100 * (j == 1))
    return x


def rows(a):
    return ",\n    ".join(", ".join(repr(float(v)) for v in row) for row in np.atleast_2d(a))


def main():
    out = ["/* Written by make_golden.py with NumPy %s, scikit-learn %s; do not edit. */" % (np.__version__, sklearn.__version__)]
    for name, n, d, k in (("tall", 90, 12, 3), ("wide", 20, 64, 3)):
        x = made_up(n, d, 4, 2463534242)
        pca = PCA(k, svd_solver="full").fit(x.astype(np.float64))
        signs = np.array([np.sign(c[np.argmax(np.abs(c))]) for c in pca.components_])
        out.append("static const double %s_components[%d] = {\n    %s};" % (name, k * d, rows(pca.components_ * signs[:, None])))
        out.append("static const double %s_coordinates[%d] = {\n    %s};" % (name, n * k, rows(pca.transform(x.astype(np.float64)) * signs)))
        out.append("static const double %s_variance[%d] = {\n    %s};" % (name, k, rows(pca.explained_variance_)))
        out.append("static const double %s_ratio[%d] = {\n    %s};" % (name, k, rows(pca.explained_variance_ratio_)))
    labels = np.arange(90) % 4
    x = made_up(90, 12, 4, 2463534242).astype(np.float64)
    out.append("static const double silhouette_12 = %r;" % float(silhouette_score(x, labels)))
    out.append("static const double silhouette_2 = %r;" % float(silhouette_score(x[:, [0, 3]].copy(), labels)))
    lone = labels.copy()
    lone[7] = 5
    out.append("static const double silhouette_lone = %r; /* row 7 alone in class 5, class 4 empty */" % float(silhouette_score(x, lone)))
    with open("expected.h", "w") as file:
        file.write("\n".join(out) + "\n")


main()
