"""The llama architecture, as small as it can be said, in torch.

Weights have the names and the shapes of a GGUF file, and rotary embedding
turns the pairs (2i, 2i+1), as ggml's "normal" rope does: what is trained here
is written as it is, with no permutation of q and k.

Letters: B windows, T positions, D width, H query heads, K key/value heads,
E width of a head, V vocabulary.  Does not cache keys and values: `generate`
runs the whole prefix for each token, which is slow and plainly right.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F


@dataclass(frozen=True)
class Shape:
    vocab: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    ffn: int
    context: int = 512
    rope_base: float = 10000.0
    eps: float = 1e-5

    @property
    def head(self):
        return self.width // self.heads

    def tensors(self):
        """GGUF name -> (out, in), or (n,) for a norm, in file order."""
        d, kv = self.width, self.kv_heads * self.head
        out = {"token_embd.weight": (self.vocab, d)}
        for n in range(self.layers):
            out.update({
                f"blk.{n}.attn_norm.weight": (d,),
                f"blk.{n}.attn_q.weight": (d, d),
                f"blk.{n}.attn_k.weight": (kv, d),
                f"blk.{n}.attn_v.weight": (kv, d),
                f"blk.{n}.attn_output.weight": (d, d),
                f"blk.{n}.ffn_norm.weight": (d,),
                f"blk.{n}.ffn_gate.weight": (self.ffn, d),
                f"blk.{n}.ffn_up.weight": (self.ffn, d),
                f"blk.{n}.ffn_down.weight": (d, self.ffn),
            })
        out["output_norm.weight"] = (d,)
        return out


def init(shape, seed):
    """Fresh weights.  Matrices that write to the residual stream start small,
    so that its size does not grow with depth (GPT-2)."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, dims in shape.tensors().items():
        if len(dims) == 1:
            w = torch.ones(dims)
        else:
            std = 0.02 if "embd" in name else dims[1] ** -0.5
            if "attn_output" in name or "ffn_down" in name:
                std /= (2 * shape.layers) ** 0.5
            w = torch.randn(dims, generator=generator) * std
        weights[name] = w.requires_grad_()
    return weights


def rope_table(shape, length, dtype):
    """(T, E/2) complex: position t turns pair i by t * base^(-2i/E)."""
    i = torch.arange(0, shape.head, 2, dtype=torch.float64)
    angle = torch.outer(torch.arange(length, dtype=torch.float64),
                        shape.rope_base ** (-i / shape.head))
    table = torch.polar(torch.ones_like(angle), angle)
    return table.to(torch.complex128 if dtype == torch.float64
                    else torch.complex64)


def rope(x, table):
    """x (B, T, heads, E), E as pairs (2i, 2i+1).  Never in bfloat16: torch
    has no complex numbers that small."""
    x = x.to(torch.float64 if table.dtype == torch.complex128
             else torch.float32)
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * table[:, None]).flatten(-2)


def norm(x, w, eps):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * w


class Llama:
    def __init__(self, shape, weights):
        self.shape = shape
        self.weights = weights
        dtype = weights["token_embd.weight"].dtype
        t = shape.context
        self.table = rope_table(shape, t, dtype)
        self.future = torch.full((t, t), float("-inf"), dtype=dtype).triu(1)

    def attention(self, n, x, drop):
        s, w = self.shape, self.weights
        b, t, _ = x.shape
        group = s.heads // s.kv_heads
        q = (x @ w[f"blk.{n}.attn_q.weight"].T).view(b, t, s.heads, s.head)
        k = (x @ w[f"blk.{n}.attn_k.weight"].T).view(b, t, s.kv_heads, s.head)
        v = (x @ w[f"blk.{n}.attn_v.weight"].T).view(b, t, s.kv_heads, s.head)
        q = rope(q, self.table[:t]) * s.head ** -0.5
        k = rope(k, self.table[:t])
        # Query head h reads key/value head h // group.
        q = q.transpose(1, 2).reshape(b, s.kv_heads, group * t, s.head)
        k = k.permute(0, 2, 3, 1)                       # (B, K, E, T)
        v = v.transpose(1, 2)                           # (B, K, T, E)
        scores = (q @ k).view(b, s.heads, t, t) + self.future[:t, :t]
        share = drop(scores.softmax(-1)).view(b, s.kv_heads, group * t, t)
        mixed = (share @ v).view(b, s.heads, t, s.head)
        mixed = mixed.transpose(1, 2).reshape(b, t, s.width)
        return mixed @ w[f"blk.{n}.attn_output.weight"].T

    def ffn(self, n, x):
        w = self.weights
        gate = F.silu(x @ w[f"blk.{n}.ffn_gate.weight"].T)
        up = x @ w[f"blk.{n}.ffn_up.weight"].T
        return (gate * up) @ w[f"blk.{n}.ffn_down.weight"].T

    def logits(self, ids, dropout=0.0):
        """ids (B, T) -> (B, T, V).  The embedding is also the output matrix."""
        def drop(x):
            return F.dropout(x, dropout) if dropout else x
        s, w = self.shape, self.weights
        x = drop(F.embedding(ids, w["token_embd.weight"]))
        for n in range(s.layers):
            h = norm(x, w[f"blk.{n}.attn_norm.weight"], s.eps)
            x = x + drop(self.attention(n, h, lambda p: p))
            h = norm(x, w[f"blk.{n}.ffn_norm.weight"], s.eps)
            x = x + drop(self.ffn(n, h))
        x = norm(x, w["output_norm.weight"], s.eps)
        # Training computes the layers in bfloat16 (see train.py), but logits
        # of 20 with 8 bits are off by 0.1: too much for a loss.
        with torch.autocast("cpu", enabled=False):
            return x @ w["token_embd.weight"].T

    @torch.no_grad()
    def generate(self, ids, count, end):
        """Greedy; stops at `end` or when the context is full."""
        ids = list(ids)
        for _ in range(min(count, self.shape.context - len(ids))):
            best = int(self.logits(torch.tensor([ids]))[0, -1].argmax())
            ids.append(best)
            if best == end:
                break
        return ids
