"""Gemma 2 (arXiv 2408.00118) and Gemma 3 (2503.19786).

Norm weights are as files store them, with the 1 that the papers add already in.
"""

import numpy

from oracle_maker import VOCAB, Maker
from oracle_math import attention, frequencies, gelu_tanh, rms_norm, soft_cap, turn_halves


def is_local(c, layer):
    """Gemma 2: every other layer from the first; Gemma 3: five, then one global."""
    if "local" in c:
        return c["local"][layer]
    return (layer + 1) % c["every"] != 0


def layer_angles(c, layer, length):
    if is_local(c, layer) and c["local_rope"]:
        f = frequencies(c["rope_dims"], c["local_rope"])
    else:
        f = frequencies(c["rope_dims"], c["base"]) / c.get("factor", 1.0)
    return numpy.arange(length)[:, None] * f


def forward(t, c, tokens):
    x = t["token_embd.weight"][tokens] * numpy.sqrt(c["dim"])
    for i in range(c["layers"]):
        def w(name):
            return t[f"blk.{i}.{name}.weight"]

        def norm(name, y):
            return rms_norm(y, w(name), c["eps"])
        n = norm("attn_norm", x)
        q, k, v = ((n @ w("attn_" + z).T).reshape(len(x), -1, c["head"]) for z in "qkv")
        if c.get("head_norm"):
            q, k = norm("attn_q_norm", q), norm("attn_k_norm", k)
        angle = layer_angles(c, i, len(x))
        y = attention(turn_halves(q, angle), turn_halves(k, angle), v,
                      scale=1 / numpy.sqrt(c["head"]), cap=c.get("attention_cap", 0),
                      window=c["window"] if is_local(c, i) else 0)
        x = x + norm("post_attention_norm", y @ w("attn_output").T)
        n = norm("ffn_norm", x)
        y = (gelu_tanh(n @ w("ffn_gate").T) * (n @ w("ffn_up").T)) @ w("ffn_down").T
        x = x + norm("post_ffw_norm", y)
    x = rms_norm(x, t["output_norm.weight"], c["eps"])
    return soft_cap(x @ t["token_embd.weight"].T, c.get("logit_cap", 0))


def make(c, seed):
    m, d, e = Maker(seed), c["dim"], c["head"]
    m.matrix("token_embd.weight", VOCAB, d)
    for i in range(c["layers"]):
        b = f"blk.{i}."
        m.norm(b + "attn_norm", d)
        m.matrix(b + "attn_q.weight", c["heads"] * e, d, louder=1.5)
        m.matrix(b + "attn_k.weight", c["kv_heads"] * e, d)
        m.matrix(b + "attn_v.weight", c["kv_heads"] * e, d)
        if c.get("head_norm"):
            m.vector(b + "attn_q_norm.weight", e, 1)
            m.vector(b + "attn_k_norm.weight", e, 1)
        m.matrix(b + "attn_output.weight", d, c["heads"] * e)
        m.norm(b + "post_attention_norm", d)
        m.norm(b + "ffn_norm", d)
        m.matrix(b + "ffn_gate.weight", c["ffn"], d)
        m.matrix(b + "ffn_up.weight", c["ffn"], d)
        m.matrix(b + "ffn_down.weight", d, c["ffn"])
        m.norm(b + "post_ffw_norm", d)
    m.norm("output_norm", d)
    return m.tensors


GEMMA = dict(dim=32, heads=2, kv_heads=1, head=16, ffn=32, rope_dims=16, eps=1e-6, context=64)

MODELS = {
    "tiny-gemma2": ("gemma2", dict(
        GEMMA, layers=3, heads=4, kv_heads=2, head=12, rope_dims=12, base=10000.0, window=5,
        every=2, local_rope=0, attention_cap=5.0, logit_cap=3.0),
        [("window", 6), ("every", 3), ("attention_cap", 0), ("logit_cap", 0)]),
    "tiny-gemma3": ("gemma3", dict(
        GEMMA, layers=7, base=1000000.0, window=6, every=6, local_rope=10000.0, head_norm=True,
        rope_type="linear", factor=8.0),
        [("window", 7), ("every", 7), ("local_rope", 0), ("factor", 1.0)]),
    "tiny-gemma3-list": ("gemma3", dict(
        GEMMA, layers=3, base=1000000.0, window=4, local=[True, False, True],
        local_base=5000.0, local_rope=5000.0, head_norm=True),
        [("local", [False, True, True]), ("local_rope", 10000.0)]),
}
