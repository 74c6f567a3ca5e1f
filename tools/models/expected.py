"""What a model file computes, for tests of other programs.

The weights are those of the file (F16, taken as they are), the arithmetic is
float64 throughout: a program that computes in float32 should agree to about
1e-4 in a logit.
"""

import json

import torch
import torch.nn.functional as F

IDS = 24                # <|endoftext|>, then the start of the held-out text
LOGITS = 32
BEST = 16
GREEDY = 64


@torch.no_grad()
def compute(model, text, tokenizer):
    ids = ([tokenizer.end] + tokenizer.encode(text[:1000]))[:IDS]
    logits = model.logits(torch.tensor([ids]))[0]       # (T, V) float64
    best = logits[-1].topk(BEST)
    nll = F.cross_entropy(logits[:-1], torch.tensor(ids[1:]))
    return {
        "about": "ids[0] is <|endoftext|>; logits are those of the last "
                 "position for the first entries of the vocabulary (bytes, "
                 "most of them never seen) and, as pairs of id and logit, "
                 "for the best; argmax is of every position; mean_nll is of "
                 "ids[1:] given those before, in nats; float64 arithmetic on "
                 "the file's weights",
        "text": tokenizer.decode(ids),
        "ids": ids,
        "logits": [round(x, 9) for x in logits[-1, :LOGITS].tolist()],
        "best": [[i, round(x, 9)] for i, x in zip(best.indices.tolist(),
                                                  best.values.tolist())],
        "argmax": logits.argmax(-1).tolist(),
        "mean_nll": round(nll.item(), 9),
        "greedy": model.generate(ids, GREEDY, tokenizer.end)[len(ids):],
    }


def write(path, model, text, tokenizer):
    with open(path, "w") as file:
        json.dump(compute(model, text, tokenizer), file, indent=1)
        file.write("\n")
