#!/usr/bin/python3
"""Archives of images and labels as NumPy, Keras and MedMNIST users keep them. Written with NumPy 1.24.2 (Debian 12).

Every array of images is uint8 [N,2,2,3] and holds 10 * part + row in row `row`; labels are [1, 0, 1, ...].
"""
import os

import numpy

here = os.path.dirname(os.path.abspath(__file__))


def images(part, n):
    return numpy.repeat(numpy.arange(n, dtype=numpy.uint8) + 10 * part, 12).reshape(n, 2, 2, 3)


def labels(n, dtype=numpy.int64):
    return (numpy.arange(n) + 1).astype(dtype) % 2


def write(name, compressed=False, *args, **arrays):
    save = numpy.savez_compressed if compressed else numpy.savez
    save(os.path.join(here, "npz-" + name + ".npz"), *args, **arrays)


write("xy", x=images(1, 3), y=labels(3))
write("sklearn", X=images(1, 3), y=labels(3))
write("images", compressed=True, images=images(1, 3), labels=labels(3, numpy.uint8), names=labels(2))
write("data", data=images(1, 3), labels=labels(3))
write("unnamed", False, images(1, 3), labels(3))
write("keras", x_train=images(2, 4), y_train=labels(4), x_test=images(1, 3), y_test=labels(3))
write("test-alone", x_test=images(1, 3), y_test=labels(3))
write("medmnist", train_images=images(2, 4), train_labels=labels(4, numpy.uint8).reshape(4, 1),
      val_images=images(3, 2), val_labels=labels(2, numpy.uint8).reshape(2, 1),
      test_images=images(1, 3), test_labels=labels(3, numpy.uint8).reshape(3, 1))
write("two", x=images(1, 3), y=labels(3), images=images(2, 3), labels=labels(3))
write("others", pictures=images(1, 3), classes=labels(3))
