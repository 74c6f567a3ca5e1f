"""GPT-2, OPT, GPT-NeoX and Pythia, Phi-2: layer norms and biases everywhere.

GPT-2: Radford et al. 2019; OPT arXiv 2205.01068; GPT-NeoX 2204.06745; Phi 2309.05463.
"""

import numpy

from oracle_maker import VOCAB, Maker
from oracle_math import attention, frequencies, gelu, gelu_tanh, layer_norm, relu, turn_halves

ACTS = {"gelu": gelu, "gelu_tanh": gelu_tanh, "relu": relu}


def forward(t, c, tokens):
    first = c.get("first_row", 0)
    x = t["token_embd.weight"][tokens]
    if c.get("learned"):
        x = x + t["position_embd.weight"][first:first + len(tokens)]
    act = ACTS[c["act"]]
    for i in range(c["layers"]):
        def affine(name, y):
            return y @ t[f"blk.{i}.{name}.weight"].T + t[f"blk.{i}.{name}.bias"]

        def norm(name, y):
            return layer_norm(y, t[f"blk.{i}.{name}.weight"], t[f"blk.{i}.{name}.bias"], c["eps"])

        def attend(y):
            if c.get("fused"):
                parts = numpy.split(affine("attn_qkv", y), 3, axis=1)
            else:
                parts = [affine("attn_" + n, y) for n in "qkv"]
            q, k, v = (p.reshape(len(y), c["heads"], -1) for p in parts)
            if not c.get("learned"):
                angle = numpy.arange(len(y))[:, None] * frequencies(c["rope_dims"], c["base"])
                q, k = turn_halves(q, angle), turn_halves(k, angle)
            return affine("attn_output", attention(q, k, v))

        def feed(y):
            return affine("ffn_down", act(affine("ffn_up", y)))
        n = norm("attn_norm", x)
        if c.get("one_norm"):
            x = x + attend(n) + feed(n)
        elif c.get("parallel"):
            x = x + attend(n) + feed(norm("ffn_norm", x))
        else:
            x = x + attend(n)
            x = x + feed(norm("ffn_norm", x))
    x = layer_norm(x, t["output_norm.weight"], t["output_norm.bias"], c["eps"])
    return x @ t.get("output.weight", t["token_embd.weight"]).T + t.get("output.bias", 0)


def make(c, seed):
    m, d = Maker(seed), c["dim"]
    m.matrix("token_embd.weight", VOCAB, d)
    if c.get("learned"):
        m.matrix("position_embd.weight", c["context"] + c.get("first_row", 0), d, numpy.float32)
    for i in range(c["layers"]):
        b = f"blk.{i}."
        m.norm(b + "attn_norm", d, True)
        if c.get("fused"):
            m.affine(b + "attn_qkv", 3 * d, d)
        else:
            for name in "qkv":
                m.affine(b + "attn_" + name, d, d)
        m.affine(b + "attn_output", d, d)
        if not c.get("one_norm"):
            m.norm(b + "ffn_norm", d, True)
        m.affine(b + "ffn_up", c["ffn"], d)
        m.affine(b + "ffn_down", d, c["ffn"])
    m.norm("output_norm", d, True)
    if not c.get("tied"):
        m.matrix("output.weight", VOCAB, d)
    if c.get("output_bias"):
        m.vector("output.bias", VOCAB, 0)
    return m.tensors


GPT = dict(dim=32, layers=2, heads=2, ffn=64, eps=1e-5, context=48, layer_norm=True)

MODELS = {
    "tiny-opt": ("opt", dict(GPT, act="relu", learned=True, first_row=2, tied=True),
                 [("first_row", 0)]),
    "tiny-neox": ("gptneox", dict(GPT, act="gelu", fused=True, parallel=True, rope_dims=4,
                                  base=10000.0),
                  [("parallel", False), ("rope_dims", 16), ("act", "gelu_tanh")]),
    "tiny-neox-sequential": ("gptneox", dict(GPT, act="gelu", fused=True, parallel=False,
                                             rope_dims=16, base=10000.0), [("parallel", True)]),
    "tiny-phi2": ("phi2", dict(GPT, act="gelu_tanh", rope_dims=6, base=10000.0, one_norm=True,
                               output_bias=True), [("rope_dims", 16)]),
}
