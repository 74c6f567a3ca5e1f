#!/usr/bin/env python3
"""Write operators.json: what each operator of ridge/graph.h gives on small inputs.

The oracle is PyTorch in float64 (Debian's python3-torch); attention goes through
torch.softmax and rotation through complex numbers, so that no formula here is the
one in the kernels.  Inputs are rounded to f32 first.  Run it in this folder.
"""
import json
import math

import torch
import torch.nn.functional as F

torch.manual_seed(20240607)
cases = []


def numbers(*shape, scale=1.0):
    return (torch.randn(*shape, dtype=torch.float64) * scale).float().double()


def tensor(values):
    values = values if values.dim() == 2 else values.reshape(1, -1)
    return {"rows": values.shape[0], "cols": values.shape[1],
            "values": [float(f"{v:.9g}") for v in values.flatten().tolist()]}


def ids(values):
    """A list of ids, one a row; or a table of them."""
    if torch.is_tensor(values):
        return {"ids": values.flatten().tolist(), "cols": values.shape[1]}
    return {"ids": values}


def case(name, op, inputs, outputs, **more):
    cases.append({"name": name, "op": op,
                  "in": [i if i is None or "ids" in i else i for i in inputs],
                  "out": [ids(o) if o.dtype == torch.int64 else tensor(o) for o in outputs],
                  **more})


ACTS = {"silu": F.silu, "gelu": F.gelu, "relu": F.relu,
        "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "sigmoid": torch.sigmoid}


def embed():
    table = numbers(7, 12)
    pick = [3, 0, 6, 3]
    case("embed", "embed", [tensor(table), ids(pick)], [table[pick]], weights=[0])


def norms():
    for rows, n in ((1, 16), (3, 37)):
        x, w, b = numbers(rows, n, scale=3), numbers(n), numbers(n)
        rms = x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-5) * w
        case(f"rmsnorm {rows}x{n}", "rmsnorm", [tensor(x), tensor(w)], [rms],
             attrs={"eps": 1e-5}, weights=[1])
        case(f"layernorm {rows}x{n}", "layernorm", [tensor(x), tensor(w), tensor(b)],
             [F.layer_norm(x, (n,), w, b, 1e-5)], attrs={"eps": 1e-5}, weights=[1, 2])
        case(f"layernorm {rows}x{n} without shift", "layernorm", [tensor(x), tensor(w)],
             [F.layer_norm(x, (n,), w, None, 1e-5)], attrs={"eps": 1e-5}, weights=[1])
        y = numbers(rows, n, scale=3)
        s = x + y
        rms = s / torch.sqrt((s * s).mean(-1, keepdim=True) + 1e-6) * w
        case(f"add_rmsnorm {rows}x{n}", "add_rmsnorm", [tensor(x), tensor(y), tensor(w)],
             [s, rms], attrs={"eps": 1e-6}, weights=[2])
        case(f"add_layernorm {rows}x{n}", "add_layernorm",
             [tensor(x), tensor(y), tensor(w), tensor(b)],
             [s, F.layer_norm(s, (n,), w, b, 1e-6)], attrs={"eps": 1e-6}, weights=[2, 3])


def matmuls():
    x, w, b, r = numbers(5, 40), numbers(19, 40, scale=0.2), numbers(19), numbers(5, 19)
    y = F.linear(x, w)
    case("matmul", "matmul", [tensor(x), tensor(w)], [y], weights=[1])
    case("matmul with bias", "matmul", [tensor(x), tensor(w), tensor(b)],
         [F.linear(x, w, b)], weights=[1, 2])
    case("matmul with residual", "matmul", [tensor(x), tensor(w), None, tensor(r)],
         [y + r], weights=[1])
    for act, f in ACTS.items():
        case(f"matmul with bias, {act}, residual", "matmul",
             [tensor(x), tensor(w), tensor(b), tensor(r)], [f(F.linear(x, w, b)) + r],
             weights=[1, 2], act=act)
    gate, up = numbers(19, 40, scale=0.2), numbers(19, 40, scale=0.2)
    bias = numbers(38)
    both = torch.cat([gate, up])
    case("matmul paired, silu", "matmul", [tensor(x), tensor(both)],
         [F.silu(F.linear(x, gate)) * F.linear(x, up)], weights=[1], act="silu",
         flags=["glu_paired"])
    case("matmul paired, gelu_tanh, bias, residual", "matmul",
         [tensor(x), tensor(both), tensor(bias), tensor(r)],
         [ACTS["gelu_tanh"](F.linear(x, gate, bias[:19])) * F.linear(x, up, bias[19:]) + r],
         weights=[1, 2], act="gelu_tanh", flags=["glu_paired"])


def elements():
    a, b, one = numbers(3, 21), numbers(3, 21), numbers(21)
    case("add", "add", [tensor(a), tensor(b)], [a + b])
    case("add one row", "add", [tensor(a), tensor(one)], [a + one], weights=[1])
    case("mul", "mul", [tensor(a), tensor(b)], [a * b])
    case("mul one row", "mul", [tensor(a), tensor(one)], [a * one], weights=[1])
    case("scale", "scale", [tensor(a)], [a * 0.3], attrs={"scale": 0.3})
    case("softcap", "softcap", [tensor(a * 40)], [30 * torch.tanh(a * 40 / 30)],
         attrs={"scale": 30.0})
    wide = torch.linspace(-12, 12, 63, dtype=torch.float64).float().double().reshape(3, 21)
    for act, f in ACTS.items():
        case(f"act {act}", "act", [tensor(wide)], [f(wide)], act=act)
        case(f"glu {act}", "glu", [tensor(wide), tensor(b)], [f(wide) * b], act=act)
    case("rows", "rows", [tensor(a)], [a[[0, 2]]], wanted=[0, 2])
    case("slice", "slice", [tensor(a)], [a[:, 5:13]], attrs={"from": 5})


def angles(positions, dims, base=10000.0, scale=1.0, factors=None):
    f = base ** (-torch.arange(0, dims, 2, dtype=torch.float64) / dims) * scale
    if factors is not None:
        f = f / factors
    return torch.tensor(positions, dtype=torch.float64)[:, None] * f


def pairs(angle):
    return torch.stack([angle.cos(), angle.sin()], -1).reshape(angle.shape[0], -1)


def ropes():
    positions = [0, 1, 7, 4095]
    case("rope_table", "rope_table", [ids(positions)], [pairs(angles(positions, 16))],
         attrs={"base": 10000.0, "dims": 16})
    factors = torch.tensor([1, 1, 1, 2, 4, 8, 8, 8], dtype=torch.float64)
    case("rope_table scaled", "rope_table", [ids(positions), tensor(factors)],
         [pairs(angles(positions, 16, 500000.0, 0.25, factors))],
         attrs={"base": 500000.0, "dims": 16, "freq_scale": 0.25}, weights=[1])
    for heads, width, dims in ((3, 8, 8), (2, 12, 8)):
        angle = angles(positions, dims)
        table = pairs(angle).float().double()
        turn = torch.view_as_complex(table.reshape(4, 1, dims // 2, 2).contiguous())
        x = numbers(4, heads, width)
        near = torch.view_as_complex(x[..., :dims].reshape(4, heads, dims // 2, 2).contiguous())
        near = torch.view_as_real(near * turn).reshape(4, heads, dims)
        far = torch.complex(x[..., :dims // 2], x[..., dims // 2:dims]) * turn
        far = torch.cat([far.real, far.imag], -1)
        attrs = {"heads": heads, "head_dim": width, "dims": dims}
        for name, y, flags in (("adjacent", near, []), ("halves", far, ["rope_neox"])):
            y = torch.cat([y, x[..., dims:]], -1).reshape(4, -1)
            case(f"rope {name}, {dims} of {width}", "rope",
                 [tensor(x.reshape(4, -1)), tensor(table)], [y], attrs=attrs, flags=flags)


def attentions():
    for heads, shared, width, window in ((4, 2, 16, 0), (3, 3, 20, 0), (4, 1, 8, 5)):
        # Two sequences: a prompt of nine and one new token after twelve.
        lengths, rows = (9, 13), []
        keys = [numbers(n, shared, width) for n in lengths]
        values = [numbers(n, shared, width) for n in lengths]
        places = [(0, p) for p in range(9)] + [(1, 12)]
        q = numbers(len(places), heads, width, scale=2)
        scale = 1 / math.sqrt(width)
        for row, (s, p) in enumerate(places):
            first = max(0, p - window + 1) if window else 0
            k = keys[s][first:p + 1].repeat_interleave(heads // shared, 1)
            v = values[s][first:p + 1].repeat_interleave(heads // shared, 1)
            score = torch.einsum("hd,phd->hp", q[row], k) * scale
            rows.append(torch.einsum("hp,phd->hd", score.softmax(-1), v).reshape(-1))
        case(f"attention {heads} on {shared} of {width}, window {window}", "attention",
             [tensor(q.reshape(len(places), -1))], [torch.stack(rows)],
             attrs={"heads": heads, "kv_heads": shared, "head_dim": width,
                    "scale": scale, "window": window},
             sequence=[s for s, _ in places], position=[p for _, p in places],
             keys=[tensor(k.reshape(len(k), -1)) for k in keys],
             cached=[tensor(v.reshape(len(v), -1)) for v in values])


def shifted_embed():
    table = numbers(7, 12)
    pick = [3, 0, 4, 3]
    case("embed from the third row", "embed", [tensor(table), ids(pick)],
         [table[torch.tensor(pick) + 2]], attrs={"from": 2}, weights=[0])


def head_norms():
    for heads, width in ((3, 8), (2, 21)):
        x = numbers(4, heads, width, scale=3)
        attrs = {"eps": 1e-5, "heads": heads, "head_dim": width}
        for name, shape in (("one weight", (width,)), ("a weight each", (heads, width))):
            w = numbers(*shape)
            rms = x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-5) * w
            layer = F.layer_norm(x, (width,), eps=1e-5) * w
            for op, y in (("rmsnorm", rms), ("layernorm", layer)):
                case(f"{op} of {heads} heads of {width}, {name}", op,
                     [tensor(x.reshape(4, -1)), tensor(w.flatten())], [y.reshape(4, -1)],
                     attrs=attrs, weights=[1])


def stretched_ropes():
    positions, dims, base = [0, 1, 7, 4095], 16, 10000.0
    f = base ** (-torch.arange(0, dims, 2, dtype=torch.float64) / dims)
    at = torch.tensor(positions, dtype=torch.float64)[:, None]
    share = torch.clamp((torch.arange(8, dtype=torch.float64) - 1.5) / 4, 0, 1)
    case("rope_table blended", "rope_table", [ids(positions)],
         [1.25 * pairs(at * (f * 0.25 * share + f * (1 - share)))],
         attrs={"base": base, "dims": dims, "freq_scale": 0.25, "blend_from": 1.5,
                "blend_to": 5.5, "amplitude": 1.25})


def experts():
    rows, n, width, outputs = 9, 5, 24, 13
    scores = numbers(rows, n, scale=2)
    for used, norm, scale in ((2, True, 0), (2, False, 0), (5, True, 2.5), (1, False, 1)):
        weight, chosen = scores.softmax(-1).topk(used, sorted=True)
        weight = weight / weight.sum(-1, keepdim=True) if norm else weight
        case(f"route {used} of {n}, {'' if norm else 'not '}normalized, scale {scale}",
             "route", [tensor(scores)], [chosen, weight * (scale or 1)],
             attrs={"experts": n, "used": used, "scale": scale},
             flags=["route_norm"] if norm else [])
    w = numbers(n, outputs, width, scale=0.2)
    for used in (1, 3):
        chosen = scores.topk(used).indices
        attrs = {"experts": n, "used": used}
        x = numbers(rows, width)
        case(f"expert_matmul, {used} of {n}, one input", "expert_matmul",
             [tensor(x), tensor(w.reshape(-1, width)), ids(chosen)],
             [torch.einsum("tk,tjnk->tjn", x, w[chosen]).reshape(rows, -1)],
             weights=[1], attrs=attrs)
        x = numbers(rows, used, width)
        case(f"expert_matmul, {used} of {n}, an input each", "expert_matmul",
             [tensor(x.reshape(rows, -1)), tensor(w.reshape(-1, width)), ids(chosen)],
             [torch.einsum("tjk,tjnk->tjn", x, w[chosen]).reshape(rows, -1)],
             weights=[1], attrs=attrs)
        weight = numbers(rows, used)
        case(f"weighted_sum of {used}", "weighted_sum",
             [tensor(x.reshape(rows, -1)), tensor(weight)],
             [torch.einsum("tjk,tj->tk", x, weight)])


def capped_attention():
    heads, shared, width, cap = 4, 2, 8, 1.5
    keys = [numbers(n, shared, width) for n in (6, 11)]
    values = [numbers(n, shared, width) for n in (6, 11)]
    places, rows = [(0, p) for p in range(6)] + [(1, 10)], []
    q = numbers(len(places), heads, width, scale=2)
    for row, (s, p) in enumerate(places):
        k = keys[s][:p + 1].repeat_interleave(heads // shared, 1)
        v = values[s][:p + 1].repeat_interleave(heads // shared, 1)
        score = cap * torch.tanh(torch.einsum("hd,phd->hp", q[row], k) * 0.5 / cap)
        rows.append(torch.einsum("hp,phd->hd", score.softmax(-1), v).reshape(-1))
    case("attention with a soft cap", "attention", [tensor(q.reshape(len(places), -1))],
         [torch.stack(rows)],
         attrs={"heads": heads, "kv_heads": shared, "head_dim": width, "scale": 0.5,
                "softcap": cap},
         sequence=[s for s, _ in places], position=[p for _, p in places],
         keys=[tensor(k.reshape(len(k), -1)) for k in keys],
         cached=[tensor(v.reshape(len(v), -1)) for v in values])


for make in (embed, norms, matmuls, elements, ropes, attentions, shifted_embed, head_norms,
             stretched_ropes, experts, capped_attention):
    make()
with open("operators.json", "w") as out:
    out.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
