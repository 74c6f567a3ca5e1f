"""Llama 1-3, Mistral, Mixtral, Qwen2, Qwen3 and their mixtures, StableLM, Phi-3.

Llama arXiv 2302.13971, Mistral 2310.06825, Mixtral 2401.04088, Qwen2 2407.10671,
Qwen3 2505.09388, StableLM 2 2402.17834, Phi-3 2404.14219.
"""

import numpy

from oracle_maker import VOCAB, Maker
from oracle_math import (attention, frequencies, layer_norm, llama3_frequencies, mixture,
                         rms_norm, sigmoid, silu, turn_halves, turn_pairs, yarn_frequencies)


def head_of(c):
    return c.get("head", c["dim"] // c["heads"])


# ---- rotary positions ----

def llama3_factors(c):
    f = frequencies(c["rope_dims"], c["base"])
    return f / llama3_frequencies(f, *c["llama3"])


def angles(t, c, length):
    """Angles (T, dims / 2), and what cosines and sines are multiplied by."""
    dims, base, kind = c["rope_dims"], c["base"], c.get("rope_type", "none")
    f, amplitude = frequencies(dims, base), c.get("attn_factor", 1.0)
    if kind == "linear":
        f = f / c["factor"]
    elif kind == "yarn":
        f = yarn_frequencies(dims, base, c["factor"], c["original"])
        amplitude *= 1 + 0.1 * numpy.log(c["factor"])
    elif kind == "longrope":
        long = c["context"] > c["original"]
        f = f / t["rope_factors_long.weight" if long else "rope_factors_short.weight"]
        grown = c["context"] / c["original"]
        if "attn_factor" not in c and grown > 1:
            amplitude = numpy.sqrt(1 + numpy.log(grown) / numpy.log(c["original"]))
    elif "llama3" in c:
        f = llama3_frequencies(f, *c["llama3"])
    return numpy.arange(length)[:, None] * f, amplitude


# ---- parts of a layer ----

class Layer:
    def __init__(self, t, c, index):
        self.t, self.c, self.name = t, c, f"blk.{index}."

    def get(self, name):
        return self.t.get(self.name + name)

    def has(self, name):
        return self.name + name in self.t

    def linear(self, name, x):
        y = x @ self.get(name + ".weight").T
        return y + self.get(name + ".bias") if self.has(name + ".bias") else y

    def norm(self, name, x):
        if not self.c.get("layer_norm"):
            return rms_norm(x, self.get(name + ".weight"), self.c["eps"])
        shift = self.get(name + ".bias") if self.has(name + ".bias") else 0
        return layer_norm(x, self.get(name + ".weight"), shift, self.c["eps"])

    def heads(self, x):
        c, e = self.c, head_of(self.c)
        if self.has("attn_qkv.weight"):
            qkv = self.linear("attn_qkv", x)
            cut = [c["heads"] * e, (c["heads"] + c["kv_heads"]) * e]
            parts = numpy.split(qkv, cut, axis=1)
        else:
            parts = [self.linear("attn_" + n, x) for n in "qkv"]
        q, k, v = (p.reshape(len(x), -1, e) for p in parts)
        if self.has("attn_q_norm.weight"):
            q, k = self.norm("attn_q_norm", q), self.norm("attn_k_norm", k)
        return q, k, v

    def attend(self, x):
        q, k, v = self.heads(x)
        angle, amplitude = angles(self.t, self.c, len(x))
        turn = turn_pairs if self.c["turn"] == "pairs" else turn_halves
        q, k = turn(q, angle, amplitude), turn(k, angle, amplitude)
        return self.linear("attn_output", attention(q, k, v, window=self.c.get("window", 0)))

    def dense(self, x, suffix=""):
        if self.has(f"ffn_gate{suffix}.weight"):
            gate, up = self.linear("ffn_gate" + suffix, x), self.linear("ffn_up" + suffix, x)
        else:
            gate, up = numpy.split(self.linear("ffn_up" + suffix, x), 2, axis=1)
        return self.linear("ffn_down" + suffix, silu(gate) * up)

    def feed(self, x):
        if not self.has("ffn_gate_inp.weight"):
            return self.dense(x)
        y = mixture(x, self.get("ffn_gate_inp.weight"), self.get("ffn_gate_exps.weight"),
                    self.get("ffn_up_exps.weight"), self.get("ffn_down_exps.weight"),
                    self.c["used"], self.c["sum_to_one"])
        if self.has("ffn_up_shexp.weight"):
            gate = sigmoid(x @ self.get("ffn_gate_inp_shexp.weight"))[:, None]
            y = y + gate * self.dense(x, "_shexp")
        return y


def forward(t, c, tokens):
    x = t["token_embd.weight"][tokens]
    for i in range(c["layers"]):
        layer = Layer(t, c, i)
        n = layer.norm("attn_norm", x)
        if layer.has("ffn_norm.weight"):
            x = x + layer.attend(n)
            x = x + layer.feed(layer.norm("ffn_norm", x))
        else:  # StableLM 2 12B: both from one norm
            x = x + layer.attend(n) + layer.feed(n)
    if c.get("layer_norm"):
        x = layer_norm(x, t["output_norm.weight"], t["output_norm.bias"], c["eps"])
    else:
        x = rms_norm(x, t["output_norm.weight"], c["eps"])
    return x @ t.get("output.weight", t["token_embd.weight"]).T


# ---- making ----

def make_ffn(m, b, c, index):
    d = c["dim"]
    if not c.get("experts") or index in c.get("dense_layers", ()):
        if c.get("stacked"):
            m.matrix(b + "ffn_up.weight", 2 * c["ffn"], d)
        else:
            m.matrix(b + "ffn_gate.weight", c["ffn"], d)
            m.matrix(b + "ffn_up.weight", c["ffn"], d)
        m.matrix(b + "ffn_down.weight", d, c["ffn"])
        return
    n, f = c["experts"], c.get("expert_ffn", c["ffn"])
    m.matrix(b + "ffn_gate_inp.weight", n, d, numpy.float32, louder=1.5)
    m.experts(b + "ffn_gate_exps.weight", n, f, d)
    m.experts(b + "ffn_up_exps.weight", n, f, d)
    m.experts(b + "ffn_down_exps.weight", n, d, f)
    if "shared_ffn" in c:
        m.vector(b + "ffn_gate_inp_shexp.weight", d, 0)
        m.matrix(b + "ffn_gate_shexp.weight", c["shared_ffn"], d)
        m.matrix(b + "ffn_up_shexp.weight", c["shared_ffn"], d)
        m.matrix(b + "ffn_down_shexp.weight", d, c["shared_ffn"])


def make_attention(m, b, c):
    d, e = c["dim"], head_of(c)
    q, kv = c["heads"] * e, c["kv_heads"] * e
    if c.get("fused"):
        m.matrix(b + "attn_qkv.weight", q + 2 * kv, d)
    else:
        for name, rows in (("q", q), ("k", kv), ("v", kv)):
            m.matrix(b + f"attn_{name}.weight", rows, d)
            if c.get("qkv_bias"):
                m.vector(b + f"attn_{name}.bias", rows, 0)
    if c.get("head_norm") == "one":
        m.vector(b + "attn_q_norm.weight", e, 1)
        m.vector(b + "attn_k_norm.weight", e, 1)
    elif c.get("head_norm") == "each":
        for name, heads in (("q", c["heads"]), ("k", c["kv_heads"])):
            m.vector(b + f"attn_{name}_norm.weight", heads * e, 1)
            key = b + f"attn_{name}_norm.weight"
            m.tensors[key] = m.tensors[key].reshape(heads, e)
    m.matrix(b + "attn_output.weight", d, q)


def make(c, seed):
    m, d, shifted = Maker(seed), c["dim"], c.get("layer_norm", False)
    m.matrix("token_embd.weight", VOCAB, d)
    if "llama3" in c:
        m.tensors["rope_freqs.weight"] = llama3_factors(c).astype(numpy.float32)
    if c.get("rope_type") == "longrope":
        half = c["rope_dims"] // 2
        m.vector("rope_factors_short.weight", half, 1.3, 0.1)
        m.vector("rope_factors_long.weight", half, 3, 0.4)
    for i in range(c["layers"]):
        b = f"blk.{i}."
        m.norm(b + "attn_norm", d, shifted)
        make_attention(m, b, c)
        if not c.get("one_norm"):
            m.norm(b + "ffn_norm", d, shifted)
        make_ffn(m, b, c, i)
    m.norm("output_norm", d, shifted)
    if not c.get("tied"):
        m.matrix("output.weight", VOCAB, d)
    return m.tensors


LLAMA = dict(dim=32, layers=2, heads=4, kv_heads=2, ffn=48, rope_dims=8, base=10000.0,
             eps=1e-5, context=64, turn="pairs")
QWEN = dict(LLAMA, turn="halves", eps=1e-6, base=1000000.0)
PHI = "tiny random model"  # llama.cpp looks for Phi's own tokens in a model of that name

# name: (architecture, configuration, what must matter: key -> other value)
MODELS = {
    "tiny-llama3": ("llama", dict(LLAMA, base=500000.0, llama3=(8.0, 1.0, 4.0, 32)),
                    [("llama3", (1.0, 1.0, 4.0, 32))]),
    "tiny-llama-linear": ("llama", dict(LLAMA, rope_type="linear", factor=3.0),
                          [("rope_type", "none")]),
    "tiny-llama-yarn": ("llama", dict(
        LLAMA, rope_type="yarn", factor=4.0, original=256, rope_dims=16, heads=2, kv_heads=1,
        attn_factor=1.25), [("rope_type", "linear"), ("attn_factor", 1.0), ("original", 64)]),
    "tiny-llama-halves": ("llama", dict(LLAMA, turn="halves", pairing="halves", tied=True),
                          [("turn", "pairs")]),
    "tiny-mistral": ("llama", dict(LLAMA, window=5), [("window", 0), ("window", 6)]),
    "tiny-mixtral": ("llama", dict(LLAMA, experts=5, used=2, ffn=32, sum_to_one=True),
                     [("sum_to_one", False), ("used", 3)]),
    "tiny-qwen2": ("qwen2", dict(QWEN, qkv_bias=True, tied=True), [("turn", "pairs")]),
    "tiny-qwen2moe": ("qwen2moe", dict(
        QWEN, qkv_bias=True, ffn=64, experts=6, used=3, expert_ffn=32, shared_ffn=64,
        sum_to_one=False), [("sum_to_one", True)]),
    "tiny-qwen3": ("qwen3", dict(QWEN, head=12, rope_dims=12, head_norm="one", layers=2),
                   [("turn", "pairs")]),
    "tiny-qwen3moe": ("qwen3moe", dict(
        QWEN, head=12, rope_dims=12, head_norm="one", experts=8, used=2, expert_ffn=16,
        sum_to_one=True), [("sum_to_one", False)]),
    "tiny-qwen3moe-mixed": ("qwen3moe", dict(
        QWEN, head=12, rope_dims=12, head_norm="one", experts=4, used=4, expert_ffn=16,
        sum_to_one=True, dense_layers=(0,), tied=True), []),
    "tiny-phi3": ("phi3", dict(
        QWEN, base=10000.0, fused=True, stacked=True, title=PHI, rope_type="longrope", original=32,
        attn_factor=1.19), [("original", 64), ("attn_factor", 1.0)]),
    "tiny-phi3-short": ("phi3", dict(
        QWEN, base=10000.0, fused=True, stacked=True, title=PHI, rope_type="longrope", original=64,
        window=6, unsaid=("rope_type",)), [("original", 32), ("window", 0)]),
    "tiny-stablelm": ("stablelm", dict(
        QWEN, base=10000.0, layer_norm=True, qkv_bias=True, head=8, rope_dims=4,
        parallel=False), [("rope_dims", 8)]),
    "tiny-stablelm2": ("stablelm", dict(
        QWEN, base=10000.0, layer_norm=True, head=8, rope_dims=2, head_norm="each",
        one_norm=True, parallel=True), [("rope_dims", 4)]),
}
