"""tanh and the logistic function, by what is fastest on this processor."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from explorer.core.ground.arrays import Array

BLOCK = 2**13  # numbers that are computed to another place and copied back from there, while they are in a core's own cache

RATIONAL = 0.0024617396628480084, 0.14784824688539736, 1.22, 0.0001170738695796536, 0.02217163785076302, 0.40666666666666584
"""tanh r = r p / (p + q) for 0 ≤ r ≤ ½ ln 2, with s = r², p = a s² + b s + c and q = d s³ + e s² + f s, to 3·10⁻¹⁸ of it: interpolated at
Chebyshev nodes of s, in 50 digits. The size of c is free; with this one few sums lie just above a power of 2, where rounding is coarse."""

BITS: dict[Any, tuple[Any, int, int]] = {np.float64: (np.int64, 52, 1023), np.float32: (np.int32, 23, 127)}
"""An integer of the same size, the bits of a mantissa, and what an exponent of 0 is stored as."""

LOWEST = {np.float64: -709.0, np.float32: -88.0}
"""Where exp(-x) is still finite."""


def tanh(x: Array, out: Array | None = None) -> Array:
    """Return tanh x, at most 2 ulp from the nearest float. `out` may be `x` itself.

    It is numpy's own, but where that has no AVX-512 and numba is installed (the extra `fast`): there it is `formula`, compiled. With AVX2
    numpy looks up every number's coefficients one by one.

    >>> tanh(np.array([-np.inf, 1e-310, 0.5, np.nan]))
    array([-1.00000000e+000,  1.00000000e-310,  4.62117157e-001,
                        nan])
    """
    kind: Any = x.dtype.type
    function = best(kind)
    if function is None:
        return np.tanh(x, out=out)
    out = np.empty_like(x) if out is None else out
    if not x.flags.c_contiguous or not out.flags.c_contiguous:
        out[...] = tanh(np.ascontiguousarray(x))
        return out
    flat, into = x.reshape(-1), out.reshape(-1)
    with np.errstate(invalid="ignore"):  # to compare a nan
        for i in range(0, flat.size, BLOCK):
            into[i : i + BLOCK] = function(flat[i : i + BLOCK])  # in place it would be four times slower: numba fears that they overlap
    return out


def sigmoid(x: Array, out: Array | None = None) -> Array:
    """Return 1 / (1 + exp(-x)), at most 2 ulp from the nearest float. `out` may be `x` itself.

    Where exp(-x) would overflow it is exp(x) / (1 + exp(x)), which takes longer. SciPy's `expit`, number by number, is 0 there.

    >>> sigmoid(np.array([-np.inf, -740.0, 0.0, 40.0]))
    array([0.0e+000, 4.2e-322, 5.0e-001, 1.0e+000])
    """
    if x.size and not x.min() >= LOWEST.get(x.dtype.type, 0):  # or a nan among them
        e = np.exp(-np.abs(x))
        return np.divide(np.where(x < 0, e, x.dtype.type(1)), 1 + e, out=out)
    out = np.negative(x, out=out)
    np.exp(out, out=out)
    out += 1
    return np.reciprocal(out, out=out)


@functools.cache
def best(kind: Any) -> Callable[[Array], Array] | None:
    """Return what is faster for a type than numpy's own tanh on this processor; None if nothing is."""
    if kind not in BITS:
        return None
    own = np.lib.introspect.opt_func_info(func_name="^tanh$", signature=np.dtype(kind).name)["tanh"]
    return compiled(kind) if any(target in how["current"] for how in own.values() for target in ("X86_V3", "AVX2")) else None


@functools.cache
def compiled(kind: Any) -> Callable[[Array], Array] | None:
    """Return the formula as numba compiles it, to one pass; None without numba. It takes seconds, once: the result is kept in a file."""
    try:
        from numba import vectorize
    except ImportError:
        return None
    name = np.dtype(kind).name
    return vectorize([f"{name}({name})"], cache=True)(formula(kind))


def formula(kind: Any) -> Callable[[Any], Any]:
    """Return tanh for one floating type, of a number or of arrays: sums, products and one division, nothing that is looked up.

    With |x| = r + k ½ ln 2 and a whole k, exp(2|x|) = 2ᵏ (1 + tanh r) / (1 - tanh r). With tanh r = w / v that is
    tanh |x| = (A + w) / (A + v) where A = ½ (2ᵏ - 1) (v + w): nothing cancels, and for small x, A is 0 and r is |x|. ½ 2ᵏ is made of its
    bits: a sum moves k to the last of them, and a shift to where the exponent is.
    """
    integer, mantissa, bias = BITS[kind]
    a, b, c, d, e, f = map(kind, RATIONAL)
    far, half, half_ln_2, per = map(kind, (20.0, 0.5, np.log(2) / 2, 2 / np.log(2)))
    to_last_bits, shift = kind(1.5 * 2**mantissa + bias - 1), integer(mantissa)

    def tanh(x: Any) -> Any:
        r = np.minimum(np.abs(x), far)
        k = np.trunc(r * per)
        power = integer(kind(k + to_last_bits).view(integer) << shift).view(kind)
        r = r - k * half_ln_2
        s = r * r
        p = (a * s + b) * s + c
        v = ((d * s + e) * s + f) * s + p
        w = r * p
        A = (power - half) * (v + w)
        return np.copysign((A + w) / (A + v), x)

    return tanh
