"""Levels at which losses stay and what they say: constants of the loss's formula, not of the data."""

import math

CLOSE = 2e-3  # how near a level must be, relatively: logs print three or four digits, and a batch is not the whole data

CLASSES = (*range(2, 21), 50, 100, 200, 256, 1000, 10_000, 21_841, 32_000, 50_257, 50_304, 65_536, 128_256)
"""Numbers of classes or tokens that people have. The logarithms of all of them would lie too close to tell."""

CLIPPED = {
    87.3365: "−ln 1.18 × 10⁻³⁸, a probability at the smallest float32",
    103.279: "−ln 1.4 × 10⁻⁴⁵, a probability that underflowed in float32",
    34.5388: "−ln 10⁻¹⁵, a probability clipped at 10⁻¹⁵",
    27.631: "−ln 10⁻¹², a probability clipped at 10⁻¹²",
    18.4207: "−ln 10⁻⁸, a probability clipped at 10⁻⁸",
    16.1181: "−ln 10⁻⁷, a probability clipped at 10⁻⁷, as Keras does",
    15.9424: "−ln 1.19 × 10⁻⁷, a probability clipped at float32's ε",
    9.70406: "−ln 6.1 × 10⁻⁵, a probability at the smallest normal float16",
}
"""The cross-entropy of an answer that is sure and wrong, by where its program clips the probability."""


def classes_of(level: float) -> int:
    """Return K where the level is ln K, the loss of a constant answer among K classes, else 0.

    >>> classes_of(2.3031), classes_of(0.6931), classes_of(1.0)
    (10, 2, 0)
    """
    return next((classes for classes in CLASSES if abs(level - math.log(classes)) < CLOSE * math.log(classes)), 0)


def named_level(level: float) -> str:
    """Return what a level is, if it is a constant that people meet.

    >>> named_level(0.6931), named_level(87.34)
    ('ln 2, the loss of a constant answer between 2 classes', '−ln 1.18 × 10⁻³⁸, a probability at the smallest float32')
    """
    known = next((what for value, what in CLIPPED.items() if abs(level - value) < 2e-4 * value), "")
    if known or not (classes := classes_of(level)):
        return known
    return f"ln {classes:,}, the loss of a constant answer {'between' if classes == 2 else 'among'} {classes:,} classes"
