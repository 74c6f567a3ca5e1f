"""Tiny random models and what they must answer.

    /usr/bin/python3 tools/oracle/tiny_models.py tests/data/models

writes, for each architecture, NAME.gguf and NAME.json: the logits of a fixed
sequence of tokens, computed here in float64 with numpy, straight from the papers'
formulas and without a line in common with the program that is tested.

Needs Debian's python3-numpy.
"""

import json
import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "models"))
import gguf  # noqa: E402

TOKENS = [1, 17, 5, 42, 63, 9, 9, 30, 2, 55, 21, 8, 47, 33, 12, 60, 4]
VOCAB = 64


def softmax(x):
    e = numpy.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def rms_norm(x, w, eps):
    return x / numpy.sqrt((x * x).mean(axis=-1, keepdims=True) + eps) * w


def layer_norm(x, w, b, eps):
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / numpy.sqrt((centred ** 2).mean(axis=-1, keepdims=True) + eps) * w + b


def silu(x):
    return x / (1 + numpy.exp(-x))


def gelu_tanh(x):
    return 0.5 * x * (1 + numpy.tanh(numpy.sqrt(2 / numpy.pi) * (x + 0.044715 * x ** 3)))


def rope_pairs(x, dims, base):
    """x: (T, heads, head_dim); the first `dims` of each head turn in pairs (2i, 2i+1)."""
    angle = numpy.arange(len(x))[:, None] * base ** (-numpy.arange(0, dims, 2) / dims)
    cos, sin = numpy.cos(angle)[:, None], numpy.sin(angle)[:, None]
    y = x.copy()
    even, odd = x[..., 0:dims:2], x[..., 1:dims:2]
    y[..., 0:dims:2] = even * cos - odd * sin
    y[..., 1:dims:2] = even * sin + odd * cos
    return y


def attention(q, k, v, heads, kv_heads):
    """q: (T, heads, E), k and v: (T, kv_heads, E), causal."""
    share, length = heads // kv_heads, len(q)
    out = numpy.empty_like(q)
    hidden = numpy.triu(numpy.full((length, length), -numpy.inf), 1)
    for h in range(heads):
        scores = q[:, h] @ k[:, h // share].T / numpy.sqrt(q.shape[2])
        out[:, h] = softmax(scores + hidden) @ v[:, h // share]
    return out.reshape(length, -1)


def llama(t, c, tokens):
    x = t["token_embd.weight"][tokens]
    for i in range(c["layers"]):
        def w(name):
            return t[f"blk.{i}.{name}.weight"]
        n = rms_norm(x, w("attn_norm"), c["eps"])
        q = (n @ w("attn_q").T).reshape(len(x), c["heads"], -1)
        k = (n @ w("attn_k").T).reshape(len(x), c["kv_heads"], -1)
        v = (n @ w("attn_v").T).reshape(len(x), c["kv_heads"], -1)
        q, k = (rope_pairs(z, c["rope_dims"], c["base"]) for z in (q, k))
        x = x + attention(q, k, v, c["heads"], c["kv_heads"]) @ w("attn_output").T
        n = rms_norm(x, w("ffn_norm"), c["eps"])
        x = x + (silu(n @ w("ffn_gate").T) * (n @ w("ffn_up").T)) @ w("ffn_down").T
    head = t.get("output.weight", t["token_embd.weight"])
    return rms_norm(x, t["output_norm.weight"], c["eps"]) @ head.T


def gpt2(t, c, tokens):
    x = t["token_embd.weight"][tokens] + t["position_embd.weight"][:len(tokens)]
    for i in range(c["layers"]):
        def affine(name, y):
            return y @ t[f"blk.{i}.{name}.weight"].T + t[f"blk.{i}.{name}.bias"]

        def norm(name, y):
            return layer_norm(y, t[f"blk.{i}.{name}.weight"], t[f"blk.{i}.{name}.bias"], c["eps"])
        q, k, v = numpy.split(affine("attn_qkv", norm("attn_norm", x)), 3, axis=1)
        q, k, v = (z.reshape(len(x), c["heads"], -1) for z in (q, k, v))
        x = x + affine("attn_output", attention(q, k, v, c["heads"], c["heads"]))
        x = x + affine("ffn_down", gelu_tanh(affine("ffn_up", norm("ffn_norm", x))))
    x = layer_norm(x, t["output_norm.weight"], t["output_norm.bias"], c["eps"])
    return x @ t.get("output.weight", t["token_embd.weight"]).T


class Maker:
    def __init__(self, seed):
        self.random = numpy.random.default_rng(seed)
        self.tensors = {}

    def matrix(self, name, rows, cols, kind=numpy.float16):
        scale = 1.5 / numpy.sqrt(cols)
        self.tensors[name] = (self.random.standard_normal((rows, cols)) * scale).astype(kind)

    def vector(self, name, n, around):
        values = around + 0.3 * self.random.standard_normal(n)
        self.tensors[name] = values.astype(numpy.float32)


def make_llama(c, tied):
    m, d = Maker(7), c["dim"]
    head = d // c["heads"]
    m.matrix("token_embd.weight", VOCAB, d)
    for i in range(c["layers"]):
        b = f"blk.{i}."
        m.vector(b + "attn_norm.weight", d, 1)
        m.matrix(b + "attn_q.weight", d, d)
        m.matrix(b + "attn_k.weight", c["kv_heads"] * head, d)
        m.matrix(b + "attn_v.weight", c["kv_heads"] * head, d, numpy.float32)
        m.matrix(b + "attn_output.weight", d, d)
        m.vector(b + "ffn_norm.weight", d, 1)
        m.matrix(b + "ffn_gate.weight", c["ffn"], d)
        m.matrix(b + "ffn_up.weight", c["ffn"], d)
        m.matrix(b + "ffn_down.weight", d, c["ffn"])
    m.vector("output_norm.weight", d, 1)
    if not tied:
        m.matrix("output.weight", VOCAB, d)
    return m.tensors


def make_gpt2(c, tied):
    m, d = Maker(11), c["dim"]
    m.matrix("token_embd.weight", VOCAB, d)
    m.matrix("position_embd.weight", c["context"], d, numpy.float32)

    def affine(name, rows, cols):
        m.matrix(name + ".weight", rows, cols)
        m.vector(name + ".bias", rows, 0)

    def norm(name):
        m.vector(name + ".weight", d, 1)
        m.vector(name + ".bias", d, 0)
    for i in range(c["layers"]):
        b = f"blk.{i}."
        norm(b + "attn_norm")
        affine(b + "attn_qkv", 3 * d, d)
        affine(b + "attn_output", d, d)
        norm(b + "ffn_norm")
        affine(b + "ffn_up", c["ffn"], d)
        affine(b + "ffn_down", d, c["ffn"])
    norm("output_norm")
    if not tied:
        m.matrix("output.weight", VOCAB, d)
    return m.tensors


def vocabulary():
    """Sixty-four pieces: unknown, begin, end, the blank, and sixty characters."""
    pieces = ["<unk>", "<s>", "</s>", "\u2581"] + [chr(33 + i) for i in range(60)]
    kinds = [2, 3, 3] + [1] * 61
    return [
        ("tokenizer.ggml.model", gguf.STRING, "llama"),
        ("tokenizer.ggml.tokens", gguf.ARRAY, (gguf.STRING, pieces)),
        ("tokenizer.ggml.scores", gguf.ARRAY, (gguf.F32, [-float(i) for i in range(VOCAB)])),
        ("tokenizer.ggml.token_type", gguf.ARRAY, (gguf.I32, kinds)),
        ("tokenizer.ggml.bos_token_id", gguf.U32, 1),
        ("tokenizer.ggml.eos_token_id", gguf.U32, 2),
        ("tokenizer.ggml.unknown_token_id", gguf.U32, 0),
    ]


def facts(arch, c):
    layer_norm_key = "layer_norm_epsilon" if arch == "gpt2" else "layer_norm_rms_epsilon"
    rows = [
        ("general.architecture", gguf.STRING, arch),
        ("general.name", gguf.STRING, f"tiny random {arch}"),
        (f"{arch}.context_length", gguf.U32, c["context"]),
        (f"{arch}.embedding_length", gguf.U32, c["dim"]),
        (f"{arch}.block_count", gguf.U32, c["layers"]),
        (f"{arch}.feed_forward_length", gguf.U32, c["ffn"]),
        (f"{arch}.attention.head_count", gguf.U32, c["heads"]),
        (f"{arch}.attention.{layer_norm_key}", gguf.F32, c["eps"]),
    ]
    if arch == "llama":
        rows += [
            ("llama.attention.head_count_kv", gguf.U32, c["kv_heads"]),
            ("llama.rope.dimension_count", gguf.U32, c["rope_dims"]),
            ("llama.rope.freq_base", gguf.F32, c["base"]),
        ]
    return rows + vocabulary()


MODELS = {
    "tiny-llama": ("llama", make_llama, llama, False, dict(
        dim=64, layers=2, heads=4, kv_heads=2, ffn=96, rope_dims=16, base=10000.0, eps=1e-5,
        context=64)),
    "tiny-llama-tied": ("llama", make_llama, llama, True, dict(
        dim=32, layers=1, heads=4, kv_heads=1, ffn=64, rope_dims=8, base=500000.0, eps=1e-6,
        context=32)),
    "tiny-gpt2": ("gpt2", make_gpt2, gpt2, False, dict(
        dim=64, layers=2, heads=4, ffn=128, eps=1e-5, context=48)),
    "tiny-gpt2-tied": ("gpt2", make_gpt2, gpt2, True, dict(
        dim=32, layers=1, heads=2, ffn=64, eps=1e-5, context=32)),
}


def main(folder):
    folder = pathlib.Path(folder)
    for name, (arch, make, forward, tied, c) in MODELS.items():
        tensors = make(c, tied)
        gguf.write(folder / f"{name}.gguf", facts(arch, c), tensors)
        exact = {key: value.astype(numpy.float64) for key, value in tensors.items()}
        logits = forward(exact, c, TOKENS)
        answer = {"tokens": TOKENS, "logits": [[round(float(x), 9) for x in row] for row in logits]}
        (folder / f"{name}.json").write_text(json.dumps(answer) + "\n")
        print(f"{name}: logits {logits.min():.3f} .. {logits.max():.3f}")


if __name__ == "__main__":
    main(sys.argv[1])
