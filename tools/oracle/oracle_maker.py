"""Random tensors, a vocabulary of sixty-four pieces, and the facts all models have."""

import pathlib
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "models"))
import gguf  # noqa: E402

VOCAB = 64


class Maker:
    def __init__(self, seed):
        self.random = numpy.random.default_rng(seed)
        self.tensors = {}

    def matrix(self, name, rows, cols, kind=numpy.float16, louder=1.0):
        scale = louder * 1.5 / numpy.sqrt(cols)
        self.tensors[name] = (self.random.standard_normal((rows, cols)) * scale).astype(kind)

    def experts(self, name, n, rows, cols, kind=numpy.float16):
        scale = 1.5 / numpy.sqrt(cols)
        self.tensors[name] = (self.random.standard_normal((n, rows, cols)) * scale).astype(kind)

    def vector(self, name, n, around, spread=0.3):
        values = around + spread * self.random.standard_normal(n)
        self.tensors[name] = values.astype(numpy.float32)

    def affine(self, name, rows, cols):
        self.matrix(name + ".weight", rows, cols)
        self.vector(name + ".bias", rows, 0)

    def norm(self, name, n, bias=False):
        self.vector(name + ".weight", n, 1)
        if bias:
            self.vector(name + ".bias", n, 0)


def vocabulary():
    """Unknown, begin, end, the blank, and sixty characters."""
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


# Configuration -> key and kind, in file order; what a model does not set is left out.
KEYS = [
    ("kv_heads", "attention.head_count_kv", gguf.U32),
    ("head", "attention.key_length", gguf.U32),
    ("head", "attention.value_length", gguf.U32),
    ("rope_dims", "rope.dimension_count", gguf.U32),
    ("base", "rope.freq_base", gguf.F32),
    ("local_base", "rope.freq_base_swa", gguf.F32),
    ("rope_type", "rope.scaling.type", gguf.STRING),
    ("factor", "rope.scaling.factor", gguf.F32),
    ("original", "rope.scaling.original_context_length", gguf.U32),
    ("attn_factor", "rope.scaling.attn_factor", gguf.F32),
    ("window", "attention.sliding_window", gguf.U32),
    ("pattern", "attention.sliding_window_pattern", gguf.U32),
    ("local", "attention.sliding_window_pattern", gguf.ARRAY),
    ("attention_cap", "attn_logit_softcapping", gguf.F32),
    ("logit_cap", "final_logit_softcapping", gguf.F32),
    ("parallel", "use_parallel_residual", gguf.BOOL),
    ("experts", "expert_count", gguf.U32),
    ("used", "expert_used_count", gguf.U32),
    ("expert_ffn", "expert_feed_forward_length", gguf.U32),
    ("shared_ffn", "expert_shared_feed_forward_length", gguf.U32),
]


def facts(arch, c):
    norm = "layer_norm_epsilon" if c.get("layer_norm") else "layer_norm_rms_epsilon"
    rows = [
        ("general.architecture", gguf.STRING, arch),
        ("general.name", gguf.STRING, c.get("title", f"tiny random {arch}")),
        (f"{arch}.context_length", gguf.U32, c["context"]),
        (f"{arch}.embedding_length", gguf.U32, c["dim"]),
        (f"{arch}.block_count", gguf.U32, c["layers"]),
        (f"{arch}.feed_forward_length", gguf.U32, c["ffn"]),
        (f"{arch}.attention.head_count", gguf.U32, c["heads"]),
        (f"{arch}.attention.{norm}", gguf.F32, c["eps"]),
    ]
    for name, key, kind in KEYS:
        if name not in c or name in c.get("unsaid", ()):
            continue
        value = (gguf.BOOL, c[name]) if kind == gguf.ARRAY else c[name]
        rows.append((f"{arch}.{key}", kind, value))
    if "pairing" in c:
        rows.append(("ridge.rope.pairing", gguf.STRING, c["pairing"]))
    return rows + vocabulary()
