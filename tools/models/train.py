#!/usr/bin/python3
"""Make the two small models that ship, and the texts that go with them.

    apt-get install --no-install-recommends python3-torch python3-numpy \\
        libopenblas0-pthread bible-kjv bible-kjv-text
    /usr/bin/python3 tools/models/train.py

writes, below the repository,

    models/kjv-2m-f16.gguf      the model, under 4 MiB
    models/kjv-draft-f16.gguf   a draft for it, same tokenizer, under 1 MiB
    models/kjv-valid.txt        chapters that no step of training has seen
    models/kjv-prompts.txt      openings of verses from those chapters
    tools/models/expected/      what the files compute, for tests (expected.py)

and prints what the model cards report.  It takes about an hour on two cores
with AVX-512 BF16.  Checkpoints go to --scratch; a second call goes on where
the first was cut off, so remove that folder to start afresh.

Split, tokenizer and texts come out the same everywhere.  The weights depend on
the order of sums in torch and BLAS: the same seed on the same machine with the
same number of threads repeats them, another machine gives other weights of the
same quality.

Packages of Debian 12: torch 1.13.1, numpy 1.24, bible-kjv 4.38.  OpenBLAS is
not required; without it the measurements in float32 take minutes.
"""

import argparse
import ctypes
import json
import math
import os
from dataclasses import dataclass

import torch

import bpe
import corpus
import expected
import gguf
import learn
from llama import Llama, Shape

SEED = 1611             # the year of the translation
VOCAB = 1280


@dataclass(frozen=True)
class Recipe:
    steps: int
    lr: float
    dropout: float
    decay: float        # weight decay, of matrices
    distill: float      # share of the KL term; the rest is cross-entropy
    seed: int
    tokens: int = 4096  # a step
    warmup: int = 200
    long_from: float = 0.8      # from this share of the steps, whole contexts
    every: int = 100


SHAPE = Shape(VOCAB, width=256, layers=3, heads=8, kv_heads=2, ffn=512)
DRAFT_SHAPE = Shape(VOCAB, width=128, layers=2, heads=4, kv_heads=1, ffn=256)
# The text is small enough for the model to learn much of it by heart: eleven
# times seen, it needs this much dropout and decay.
RECIPE = Recipe(steps=3400, lr=3e-3, dropout=0.2, decay=0.5, distill=0.0,
                seed=SEED)
# The draft is too small for that.
DRAFT_RECIPE = Recipe(steps=2600, lr=4e-3, dropout=0.0, decay=0.1, distill=0.8,
                      seed=SEED + 1, long_from=0.5)


def keep_memory():
    """Have malloc keep what it is given back.  By default glibc returns every
    large tensor to the system and clears its pages anew at the next use: a
    third of the time of a step."""
    trim_threshold, top_pad, mmap_max = -1, -2, -4
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(mmap_max, 0)
        libc.mallopt(trim_threshold, 2**31 - 1)
        libc.mallopt(top_pad, 2**28)


def tokenizer_for(text, path):
    if not os.path.exists(path):
        merges = bpe.train(text, VOCAB)
        with open(path, "w") as file:
            json.dump(merges, file)
    with open(path) as file:
        return bpe.Tokenizer(json.load(file))


def export(path, name, description, shape, weights, tokenizer):
    """Write the GGUF file, matrices rounded to F16, and read it back."""
    tensors = {key: w.to(torch.float16 if w.ndim == 2 else torch.float32)
               .numpy() for key, w in weights.items()}
    gguf.write(path, gguf.llama_metadata(name, description, shape, tokenizer),
               tensors)
    return load(path, shape)


def load(path, shape, dtype=torch.float32):
    tensors = gguf.Reader(path).tensors
    return Llama(shape, {key: torch.tensor(array).to(dtype)
                         for key, array in tensors.items()})


def report(title, model, path, best, seconds, recipe, text, tokenizer):
    ids = tokenizer.encode(text)
    nll = learn.measure(model, ids, tokenizer.end)
    halves = learn.measure_halves(model, ids, tokenizer.end)
    bits = nll * len(ids) / math.log(2) / len(text.encode("utf-8"))
    print(f"\n{title}: {os.path.getsize(path)} bytes; weights of step "
          f"{best['step']} of {recipe.steps}, {seconds:.0f} s; tune loss "
          f"{best['tune']:.4f}\n"
          f"held-out text: {len(ids)} tokens, NLL {nll:.4f} nats a token, "
          f"perplexity {math.exp(nll):.3f}, {bits:.4f} bits a byte\n"
          f"as llama-perplexity counts: perplexity {math.exp(halves):.3f}")
    prompt = "And it came to pass in those days, that"
    ids = [tokenizer.end] + tokenizer.encode(prompt)
    print(tokenizer.decode(model.generate(ids, 80, tokenizer.end)), flush=True)


def agreement(model, draft, ids, end):
    """How often the draft's best token is the model's, and the chance that
    sampling would accept a draft token: the sum of min(p, q)."""
    same = overlap = count = 0
    for at in range(0, len(ids), model.shape.context):
        window = [end] + ids[at:at + model.shape.context][:-1]
        with torch.no_grad():
            p = model.logits(torch.tensor([window]))[0].softmax(-1)
            q = draft.logits(torch.tensor([window]))[0].softmax(-1)
        same += (p.argmax(-1) == q.argmax(-1)).sum().item()
        overlap += torch.minimum(p, q).sum().item()
        count += len(window)
    return same / count, overlap / count


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(
        description="Make the two small models that ship.")
    parser.add_argument("--out", default=os.path.join(here, "../../models"))
    parser.add_argument("--expected", default=os.path.join(here, "expected"))
    parser.add_argument("--scratch", default="build/kjv",
                        help="where checkpoints go (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    for folder in (args.out, args.expected, args.scratch):
        os.makedirs(folder, exist_ok=True)
    keep_memory()
    torch.set_num_threads(args.threads)

    train, tune, valid = corpus.split(corpus.read_chapters(), SEED)
    tokenizer = tokenizer_for(corpus.join(train),
                              os.path.join(args.scratch, "merges.json"))
    stream = learn.Stream(train, tokenizer)
    text = corpus.join(valid)
    with open(os.path.join(args.out, "kjv-valid.txt"), "w") as file:
        file.write(text)
    with open(os.path.join(args.out, "kjv-prompts.txt"), "w") as file:
        file.write("".join(p + "\n" for p in corpus.prompts(valid)))

    made, teacher = [], None
    for title, description, shape, recipe in (
            ("kjv-2m", "Trained on the King James Bible", SHAPE, RECIPE),
            ("kjv-draft", "Draft model for kjv-2m", DRAFT_SHAPE,
             DRAFT_RECIPE)):
        best, seconds = learn.train(
            shape, recipe, stream, tokenizer.encode(corpus.join(tune)),
            os.path.join(args.scratch, title + ".pt"), teacher)
        path = os.path.join(args.out, title + "-f16.gguf")
        model = export(path, title, description, shape, best["weights"],
                       tokenizer)
        report(title, model, path, best, seconds, recipe, text, tokenizer)
        expected.write(os.path.join(args.expected, title + "-f16.json"),
                       load(path, shape, torch.float64), text, tokenizer)
        made.append(model)
        teacher = model
    same, overlap = agreement(*made, tokenizer.encode(text), tokenizer.end)
    print(f"\ndraft and model: same best token {same:.3f}, "
          f"sampling accepts {overlap:.3f}")


if __name__ == "__main__":
    main()
