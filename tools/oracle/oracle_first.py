"""The plainest Llama and GPT-2, each with a head of its own and a tied one."""

import numpy

import oracle_gpt
import oracle_llama
from oracle_maker import VOCAB, Maker


def forward(t, c, tokens):
    return (oracle_gpt if c.get("layer_norm") else oracle_llama).forward(t, c, tokens)


def make_llama(c, m):
    d = c["dim"]
    head = d // c["heads"]
    m.matrix("token_embd.weight", VOCAB, d)
    for i in range(c["layers"]):
        b = f"blk.{i}."
        m.norm(b + "attn_norm", d)
        m.matrix(b + "attn_q.weight", d, d)
        m.matrix(b + "attn_k.weight", c["kv_heads"] * head, d)
        m.matrix(b + "attn_v.weight", c["kv_heads"] * head, d, numpy.float32)
        m.matrix(b + "attn_output.weight", d, d)
        m.norm(b + "ffn_norm", d)
        m.matrix(b + "ffn_gate.weight", c["ffn"], d)
        m.matrix(b + "ffn_up.weight", c["ffn"], d)
        m.matrix(b + "ffn_down.weight", d, c["ffn"])
    m.norm("output_norm", d)
    if not c["tied"]:
        m.matrix("output.weight", VOCAB, d)
    return m.tensors


def make(c, seed):
    return oracle_gpt.make(c, seed) if c.get("layer_norm") else make_llama(c, Maker(seed))


LLAMA = dict(dim=64, layers=2, heads=4, kv_heads=2, ffn=96, rope_dims=16, base=10000.0,
             eps=1e-5, context=64, turn="pairs", seed=7)
GPT2 = dict(dim=64, layers=2, heads=4, ffn=128, eps=1e-5, context=48, layer_norm=True,
            learned=True, fused=True, act="gelu_tanh", seed=11)

MODELS = {
    "tiny-llama": ("llama", dict(LLAMA, tied=False), [("turn", "halves")]),
    "tiny-llama-tied": ("llama", dict(
        LLAMA, tied=True, dim=32, layers=1, kv_heads=1, ffn=64, rope_dims=8, base=500000.0,
        eps=1e-6, context=32), []),
    "tiny-gpt2": ("gpt2", dict(GPT2, tied=False), []),
    "tiny-gpt2-tied": ("gpt2", dict(
        GPT2, tied=True, dim=32, layers=1, heads=2, ffn=64, context=32), []),
}
