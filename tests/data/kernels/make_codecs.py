#!/usr/bin/env python3
"""Write codecs.json: values, their stored bytes, and what the bytes decode to.

Each codec is written down here a second time, in numpy, from its definition: a row of
f32 in, bytes out; or, for those whose encoders search, bytes in, f32 out.  Run it in this
folder.
"""
import json

import numpy as np

rng = np.random.default_rng(20240607)
f4 = np.float32
cases = []


def half(x):
    return np.array([x], dtype="<f2").tobytes()


def away(x):
    """Nearest integer, halves away from zero."""
    return np.trunc(x + np.copysign(f4(0.5), x)).astype(int)


def extreme(x):
    return x[np.argmax(np.abs(x))]


def inverse(d):
    return f4(1) / d if d else f4(0)


def nibbles(q):
    """Per 32 codes: code j in the low half of byte j, code j + 16 in the high half."""
    q = q.reshape(-1, 2, 16)
    return (q[:, 0] | q[:, 1] << 4).astype(np.uint8).tobytes()


def fives(q):
    high = sum((int(v) >> 4) << i for i, v in enumerate(q))
    return high.to_bytes(4, "little") + nibbles(q & 15)


def eight(x):
    d = np.abs(x).max() / f4(127)
    q = away(x * inverse(d))
    return half(d) + q.astype(np.int8).tobytes(), np.frombuffer(half(d), "<f2").astype(f4) * q.astype(f4)


def symmetric(x, bits, pack):
    top = 1 << (bits - 1)
    d = extreme(x) / f4(-top)
    q = np.minimum((x * inverse(d) + f4(top + 0.5)).astype(int), 2 * top - 1)
    return half(d) + pack(q), np.frombuffer(half(d), "<f2").astype(f4) * (q - top).astype(f4)


def affine(x, bits, pack):
    low = x.min()
    d = (x.max() - low) / f4((1 << bits) - 1)
    q = np.minimum(((x - low) * inverse(d) + f4(0.5)).astype(int), (1 << bits) - 1)
    dh, mh = (np.frombuffer(half(v), "<f2").astype(f4) for v in (d, low))
    return half(d) + half(low) + pack(q), dh * q.astype(f4) + mh


def blocks(size, one):
    def row(x):
        done = [one(x[i:i + size]) for i in range(0, len(x), size)]
        return b"".join(d[0] for d in done), np.concatenate([d[1] for d in done])
    return row


def f32_row(x):
    return x.astype("<f4").tobytes(), x


def f16_row(x):
    return x.astype("<f2").tobytes(), x.astype("<f2").astype(f4)


def bf16_row(x):
    u = x.view(np.uint32).astype(np.uint64)
    u = (u + 0x7FFF + (u >> 16 & 1)) >> 16
    return u.astype("<u2").tobytes(), (u.astype(np.uint32) << 16).view(f4)


written = {"f32": f32_row, "f16": f16_row, "bf16": bf16_row,
           "q4_1": blocks(32, lambda x: affine(x, 4, nibbles)),
           "q5_0": blocks(32, lambda x: symmetric(x, 5, fives)),
           "q5_1": blocks(32, lambda x: affine(x, 5, fives)),
           "q8_0": blocks(32, eight),
           "q4_0": blocks(32, lambda x: symmetric(x, 4, nibbles))}
for group in (32, 64, 128, 256):
    written[f"i8g{group}"] = blocks(group, eight)
    written[f"i4g{group}"] = blocks(group, lambda x: symmetric(x, 4, nibbles))

for name, row in written.items():
    x = rng.standard_normal(256).astype(f4)
    x[32:64] *= f4(1e-3)
    x[64:96] = 0
    x[96:128] = np.linspace(-16, 15, 32)  # halves, ties and a zero
    x[128:160] *= f4(1000)
    data, back = row(x)
    cases.append({"codec": name, "values": [float(v) for v in x], "bytes": data.hex(),
                  "decoded": [float(v) for v in back]})


# ---- bytes in, numbers out ----

def bits(data, width, shifts):
    """For each shift, that field of every byte."""
    data = np.frombuffer(data, np.uint8)
    return np.stack([data >> s & (1 << width) - 1 for s in shifts]).astype(int)


def two_halves(data):
    return np.frombuffer(data, "<f2").astype(f4)


def q2_k(b):
    d, dmin = two_halves(b[80:84])
    scale, low = bits(b[:16], 4, [0, 4])
    q = np.concatenate([bits(b[16 + 32 * h:48 + 32 * h], 2, [0, 2, 4, 6]).ravel() for h in (0, 1)])
    return np.repeat(d * scale.astype(f4), 16) * q.astype(f4) - np.repeat(dmin * low.astype(f4), 16)


def q3_k(b):
    q = np.concatenate([bits(b[32 + 32 * h:64 + 32 * h], 2, [0, 2, 4, 6]).ravel() for h in (0, 1)])
    q = q + 4 * bits(b[:32], 1, range(8)).ravel() - 4
    low = bits(b[96:104], 4, [0, 4]).ravel()
    scale = (low | bits(b[104:108], 2, [0, 2, 4, 6]).ravel() << 4) - 32
    d = np.frombuffer(b[108:110], "<f2").astype(f4)
    return np.repeat(d * scale.astype(f4), 16) * q.astype(f4)


def six(b):
    """Eight 6-bit scales and eight minima in twelve bytes."""
    low = bits(b, 6, [0])[0]
    top = bits(b, 2, [6])[0]
    last_low, last_high = bits(b[8:], 4, [0, 4])
    scale = np.concatenate([low[:4], last_low | top[:4] << 4])
    return scale, np.concatenate([low[4:8], last_high | top[4:8] << 4])


def q45_k(b, q):
    d, dmin = two_halves(b[:4])
    scale, low = six(b[4:16])
    return np.repeat(d * scale.astype(f4), 32) * q.astype(f4) - np.repeat(dmin * low.astype(f4), 32)


def q4_k(b):
    return q45_k(b, np.concatenate([bits(b[i:i + 32], 4, [0, 4]).ravel() for i in range(16, 144, 32)]))


def q5_k(b):
    low = np.concatenate([bits(b[i:i + 32], 4, [0, 4]).ravel() for i in range(48, 176, 32)])
    return q45_k(b, low | bits(b[16:48], 1, range(8)).ravel() << 4)


def q6_k(b):
    q = []
    for h in (0, 1):
        low = bits(b[64 * h:64 * h + 64], 4, [0, 4]).ravel()
        q.append(low | bits(b[128 + 32 * h:160 + 32 * h], 2, [0, 2, 4, 6]).ravel() << 4)
    scale = np.frombuffer(b[192:208], np.int8).astype(f4)
    d = np.frombuffer(b[208:210], "<f2").astype(f4)
    return np.repeat(d * scale, 16) * (np.concatenate(q) - 32).astype(f4)


def iq4_nl(b):
    level = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113])
    return np.frombuffer(b[:2], "<f2").astype(f4) * level[bits(b[2:], 4, [0, 4]).ravel()].astype(f4)


def iq4_xs(b):
    level = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113])
    low = bits(b[4:8], 4, [0, 4]).T.ravel()
    high = bits(b[2:4], 2, [0, 2, 4, 6]).T.ravel()
    d = np.frombuffer(b[:2], "<f2").astype(f4) * ((low | high << 4) - 32).astype(f4)
    q = np.concatenate([bits(b[8 + 16 * g:24 + 16 * g], 4, [0, 4]).ravel() for g in range(8)])
    return np.repeat(d, 32) * level[q].astype(f4)


def mxfp4(b):
    level = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], dtype=f4)
    code = bits(b[1:], 4, [0, 4]).ravel()
    return np.ldexp(np.where(code & 8, -1, 1) * level[code & 7], b[0] - 127).astype(f4)


read = {"q2_k": (q2_k, 84, (80, 82)), "q3_k": (q3_k, 110, (108,)), "q4_k": (q4_k, 144, (0, 2)),
        "q5_k": (q5_k, 176, (0, 2)), "q6_k": (q6_k, 210, (208,)), "iq4_nl": (iq4_nl, 18, (0,)),
        "mxfp4": (mxfp4, 17, ()), "iq4_xs": (iq4_xs, 136, (0,))}
for name, (row, size, halves) in read.items():
    data, back = b"", []
    for _ in range(2):
        b = bytearray(rng.bytes(size))
        for at in halves:
            b[at:at + 2] = half(rng.standard_normal() * 0.1)
        if name == "mxfp4":
            b[0] = int(rng.integers(100, 140))
        data += bytes(b)
        back += [float(v) for v in row(bytes(b))]
    cases.append({"codec": name, "bytes": data.hex(), "decoded": back})

with open("codecs.json", "w") as out:
    out.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
