"""The mathematics that the oracles share, in float64, each from its paper.

T tokens, H heads of width E.  Rows are tokens.
"""

import numpy


def softmax(x):
    e = numpy.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def rms_norm(x, w, eps):
    return x / numpy.sqrt((x * x).mean(axis=-1, keepdims=True) + eps) * w


def layer_norm(x, w, b, eps):
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / numpy.sqrt((centred ** 2).mean(axis=-1, keepdims=True) + eps) * w + b


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


def silu(x):
    return x / (1 + numpy.exp(-x))


def gelu_tanh(x):
    return 0.5 * x * (1 + numpy.tanh(numpy.sqrt(2 / numpy.pi) * (x + 0.044715 * x ** 3)))


def erf(x):
    """By its series, which converges everywhere and is exact enough below 6."""
    total, term = numpy.zeros_like(x), x.copy()
    for n in range(200):
        total = total + term / (2 * n + 1)
        term = -term * x * x / (n + 1)
    return numpy.where(numpy.abs(x) > 4.5, numpy.sign(x), 2 / numpy.sqrt(numpy.pi) * total)


def gelu(x):
    return 0.5 * x * (1 + erf(x / numpy.sqrt(2)))


def relu(x):
    return numpy.maximum(x, 0)


def soft_cap(x, cap):
    return cap * numpy.tanh(x / cap) if cap else x


# ---- rotary positions: frequencies (dims / 2), angles (T, dims / 2) ----

def frequencies(dims, base):
    return base ** (-numpy.arange(0, dims, 2) / dims)


def llama3_frequencies(f, factor, low, high, original):
    """Llama 3.1: by wavelength, long ones divided by `factor`, those between mixed."""
    out = []
    for one in f:
        turns = original * one / (2 * numpy.pi)  # in the original context
        if turns > high:
            out.append(one)
        elif turns < low:
            out.append(one / factor)
        else:
            smooth = (turns - low) / (high - low)
            out.append((1 - smooth) * one / factor + smooth * one)
    return numpy.array(out)


def yarn_frequencies(dims, base, factor, original, fast=32, slow=1):
    """YaRN: dimensions that turn often stay, those that turn less than once shrink."""
    def dimension(turns):
        return dims * numpy.log(original / (turns * 2 * numpy.pi)) / (2 * numpy.log(base))
    first = max(numpy.floor(dimension(fast)), 0)
    last = min(numpy.ceil(dimension(slow)), dims - 1)
    ramp = numpy.clip((numpy.arange(dims // 2) - first) / max(last - first, 1e-3), 0, 1)
    f = frequencies(dims, base)
    return f / factor * ramp + f * (1 - ramp)


def turn_pairs(x, angle, amplitude=1.0):
    """x: (T, H, E); pairs (2i, 2i + 1) of the first dims turn."""
    dims = 2 * angle.shape[1]
    cos, sin = amplitude * numpy.cos(angle)[:, None], amplitude * numpy.sin(angle)[:, None]
    y = x.copy()
    even, odd = x[..., 0:dims:2], x[..., 1:dims:2]
    y[..., 0:dims:2] = even * cos - odd * sin
    y[..., 1:dims:2] = even * sin + odd * cos
    return y


def turn_halves(x, angle, amplitude=1.0):
    """x: (T, H, E); pairs (i, i + dims/2) of the first dims turn."""
    dims = 2 * angle.shape[1]
    both = numpy.concatenate([angle, angle], axis=1)[:, None]
    part, rest = x[..., :dims], x[..., dims:]
    rotated = numpy.concatenate([-part[..., dims // 2:], part[..., :dims // 2]], axis=-1)
    part = amplitude * (part * numpy.cos(both) + rotated * numpy.sin(both))
    return numpy.concatenate([part, rest], axis=-1)


# ---- attention ----

def attention(q, k, v, scale=None, window=0, cap=0.0):
    """q: (T, H, E), k and v: (T, G, E), causal; a row at p sees positions above p - window."""
    length, heads, width = q.shape
    share = heads // k.shape[1]
    scale = 1 / numpy.sqrt(width) if scale is None else scale
    at = numpy.arange(length)
    hidden = at[None, :] > at[:, None]
    if window:
        hidden |= at[None, :] <= at[:, None] - window
    out = numpy.empty_like(q)
    for h in range(heads):
        scores = soft_cap(q[:, h] @ k[:, h // share].T * scale, cap)
        out[:, h] = softmax(numpy.where(hidden, -numpy.inf, scores)) @ v[:, h // share]
    return out.reshape(length, -1)


# ---- a mixture of experts ----

class NearlyEqual(Exception):
    """Two experts are so near that rounding may choose between them."""


def mixture(x, router, gates, ups, downs, used, sum_to_one, act=silu):
    """x (T, D); router (E, D); gates, ups (E, F, D); downs (E, D, F)."""
    out = numpy.zeros_like(x)
    for t, row in enumerate(x):
        share = softmax(router @ row)
        best = numpy.argsort(-share)
        if used < len(share) and share[best[used - 1]] - share[best[used]] < 1e-3:
            raise NearlyEqual
        best = best[:used]
        weight = share[best] / (share[best].sum() if sum_to_one else 1)
        for e, w in zip(best, weight):
            out[t] += w * (downs[e] @ (act(gates[e] @ row) * (ups[e] @ row)))
    return out
