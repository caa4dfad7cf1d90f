"""The images of pattern.h, in Python."""
import numpy as np


def pattern_image(height, width, seed):
    state = (seed * 2654435761 + 12345) & 0xFFFFFFFF
    image = np.empty((height, width, 3), np.uint8)
    for y in range(height):
        for x in range(width):
            for c in range(3):
                state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
                ramp = (y * 7 + x * (3 + c)) & 255
                image[y, x, c] = state >> 24 if seed or (x + y) % 5 == 0 else ramp
    return image
