"""Draws that tests/corruptions/draws.h makes too, equal to the last bit: hashed counters, and sums of them for normals."""
import numpy as np


def draw_words(count, seed):
    """uint32, evenly spread."""
    x = np.arange(count, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(seed * 97 + 1)
    for shift, factor in ((16, 0x85ebca6b), (13, 0xc2b2ae35)):
        x = (x ^ x >> np.uint32(shift)) * np.uint32(factor)
    return x ^ x >> np.uint32(16)


def draw_uniforms(count, seed):
    """In (0, 1): the middle of a word's interval."""
    return (draw_words(count, seed) + .5) / 2 ** 32


def draw_normals(count, seed):
    """Nearly normal: twelve uniforms of 16 bits, less their mean; exact in float32."""
    words = draw_words(6 * count, seed).reshape(count, 6).astype(np.int64)
    return ((words >> 16) + (words & 0xffff)).sum(axis=1) / 65536 - 393210 / 65536
