"""The training loop, and the measure it is steered by.

The layers run in bfloat16 (a quarter of the time of float32 on a processor
with AVX-512 BF16; slower without), the weights, the norms, the logits and the
optimizer in float32.  Loss and weights that are reported or kept are measured
in float32 throughout.

Windows start where a reader might: half at any token, half at a verse, with
and without its number, so that a prompt may start in any of these ways.  Every
window starts with <|endoftext|>, as llama.cpp starts every sequence.
"""

import math
import os
import time

import numpy
import torch
import torch.nn.functional as F

import llama


class Stream:
    """The training text as token ids, and the places where windows start.

    It holds the text twice: chapters told apart by <|endoftext|>, and chapters
    that follow each other after a blank line only, as in a text file."""

    def __init__(self, chapters, tokenizer):
        ids, verses, words = [], [], []
        for separate in (True, False):
            for chapter in chapters:
                if separate:
                    ids.append(tokenizer.end)
                verses.append(len(ids))
                for line in chapter.text().splitlines(keepends=True):
                    number = line.split(" ")[0]
                    if number.isdigit() and line != chapter.name + "\n":
                        verses.append(len(ids))
                        words.append(len(ids) + len(tokenizer.encode(number)))
                    ids += tokenizer.encode(line)
        self.end = tokenizer.end
        self.ids = torch.tensor(ids)
        self.starts = [numpy.arange(len(ids)), numpy.array(verses),
                       numpy.array(words)]

    def batch(self, random, count, length):
        """-> inputs, targets, both (count, length)."""
        rows = []
        while len(rows) < count:
            kind = random.choice(3, p=[0.5, 0.25, 0.25])
            start = random.choice(self.starts[kind])
            if start + length <= len(self.ids):
                rows.append(self.ids[start:start + length])
        targets = torch.stack(rows)
        first = torch.full((count, 1), self.end)
        return torch.cat([first, targets[:, :-1]], 1), targets


@torch.no_grad()
def measure(model, ids, end):
    """Mean NLL in nats: windows of a whole context that do not overlap, each
    token predicted from <|endoftext|> and those before it in its window."""
    context = model.shape.context
    total = 0.0
    for at in range(0, len(ids), context):
        targets = torch.tensor(ids[at:at + context])
        inputs = torch.cat([torch.tensor([end]), targets[:-1]])
        logits = model.logits(inputs[None])[0]
        total += F.cross_entropy(logits, targets, reduction="sum").item()
    return total / len(ids)


@torch.no_grad()
def measure_halves(model, ids, end):
    """The same as llama.cpp's llama-perplexity counts it: the first token of
    a window is overwritten by <|endoftext|>, the second half alone is scored,
    what does not fill a window is left out."""
    context = model.shape.context
    ids = torch.tensor([end] + ids)
    losses = []
    for at in range(0, len(ids) - context + 1, context):
        window = ids[at:at + context].clone()
        window[0] = end
        logits = model.logits(window[None])[0, context // 2:-1]
        losses.append(F.cross_entropy(logits, window[context // 2 + 1:]))
    return torch.stack(losses).mean().item()


def rate(step, recipe):
    """Linear warm-up, then a cosine down to 2 % of the peak."""
    if step < recipe.warmup:
        return recipe.lr * (step + 1) / recipe.warmup
    x = (step - recipe.warmup) / (recipe.steps - recipe.warmup)
    return recipe.lr * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * x)))


def loss_of(model, teacher, inputs, targets, recipe):
    """Cross-entropy with the text, mixed with the KL divergence from the
    teacher's predictions where there is a teacher."""
    with torch.autocast("cpu", torch.bfloat16):
        logits = model.logits(inputs, recipe.dropout).flatten(0, 1)
    loss = F.cross_entropy(logits, targets.flatten())
    if teacher is None:
        return loss
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        wanted = teacher.logits(inputs).flatten(0, 1)
    kl = F.kl_div(logits.log_softmax(-1), wanted.log_softmax(-1),
                  log_target=True, reduction="batchmean")
    return (1 - recipe.distill) * loss + recipe.distill * kl


def save(path, state):
    torch.save(state, path + ".part")
    os.replace(path + ".part", path)


def train(shape, recipe, stream, tune, path, teacher=None):
    """-> the weights with the least loss on `tune`, rounded to nothing yet.
    A run that was cut off goes on from the checkpoint at `path`."""
    random = numpy.random.default_rng(recipe.seed)
    torch.manual_seed(recipe.seed)
    weights = llama.init(shape, recipe.seed)
    model = llama.Llama(shape, weights)
    # Norms are few and have a natural size, one: only matrices decay.
    groups = [{"params": [w for w in weights.values() if w.ndim == 2],
               "weight_decay": recipe.decay},
              {"params": [w for w in weights.values() if w.ndim == 1],
               "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-8)
    first, best, seconds = 0, {"tune": math.inf}, 0.0
    if os.path.exists(path):
        state = torch.load(path)
        first, best, seconds = state["step"], state["best"], state["seconds"]
        optimizer.load_state_dict(state["optimizer"])
        random.bit_generator.state = state["numpy"]
        torch.set_rng_state(state["torch"])
        with torch.no_grad():
            for name, w in weights.items():
                w.copy_(state["weights"][name])
    began, recent = time.monotonic() - seconds, []
    for step in range(first, recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = rate(step, recipe)
        # Short windows first: attention over 512 is dear, and most of what
        # predicts a word stands near it.  Until windows are long the second
        # half of a context is unknown land, so `tune` falls at once (by 0.2)
        # when they become so: what it says before is no sign of overfitting.
        length = (shape.context if step >= recipe.long_from * recipe.steps
                  else shape.context // 2)
        inputs, targets = stream.batch(random, recipe.tokens // length, length)
        loss = loss_of(model, teacher, inputs, targets, recipe)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
        optimizer.step()
        recent.append(loss.item())
        done = step + 1
        if done % recipe.every and done != recipe.steps:
            continue
        now = measure(model, tune, stream.end)
        seconds = time.monotonic() - began
        print(f"step {done:5d}  loss {sum(recent) / len(recent):.4f}  "
              f"tune {now:.4f}  {seconds:.0f} s", flush=True)
        recent = []
        plain = {k: w.detach().clone() for k, w in weights.items()}
        if now < best["tune"]:
            best = {"tune": now, "step": done, "weights": plain}
        save(path, {"step": done, "best": best, "seconds": seconds,
                    "weights": plain, "optimizer": optimizer.state_dict(),
                    "numpy": random.bit_generator.state,
                    "torch": torch.get_rng_state()})
    return best, seconds
