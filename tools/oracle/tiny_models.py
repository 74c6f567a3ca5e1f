"""Tiny random models and what they must answer.

    /usr/bin/python3 tools/oracle/tiny_models.py tests/data/models [NAME ...]

writes, for each architecture, NAME.gguf and NAME.json: the logits of a fixed
sequence of tokens, computed in float64 with numpy, straight from the papers'
formulas and without a line in common with the program that is tested.  What an
architecture is about (a window, a scaling, a cap) is checked to matter: with
another value the logits must differ by far more than the test's bound.

Needs Debian's python3-numpy.
"""

import json
import pathlib
import sys

import numpy

import oracle_first
import oracle_gemma
import oracle_gpt
import oracle_llama
from oracle_maker import facts, gguf
from oracle_math import NearlyEqual

TOKENS = [1, 17, 5, 42, 63, 9, 9, 30, 2, 55, 21, 8, 47, 33, 12, 60, 4]
FAMILIES = (oracle_first, oracle_llama, oracle_gpt, oracle_gemma)
MATTERS = 5e-4  # five times what tests/exact/logits.c allows


def seed_of(name):
    return sum(ord(letter) * (i + 1) for i, letter in enumerate(name))


def check_matters(name, family, exact, c, others, logits):
    for key, value in others:
        try:
            other = family.forward(exact, dict(c, **{key: value}), TOKENS)
        except NearlyEqual:
            other = logits + 1
        difference = numpy.abs(other - logits).max()
        if not difference > MATTERS:
            raise SystemExit(f"{name}: `{key}` changes no logit by more than {difference:.1e}")


def compute(name, family, c):
    """Tensors, the same in float64, and logits; of the first seed without near ties."""
    for seed in range(c.get("seed", seed_of(name)), 1 << 30):
        tensors = family.make(c, seed)
        exact = {key: value.astype(numpy.float64) for key, value in tensors.items()}
        try:
            return tensors, exact, family.forward(exact, c, TOKENS)
        except NearlyEqual:
            continue


def write_model(folder, name, family, arch, c, others):
    tensors, exact, logits = compute(name, family, c)
    gguf.write(folder / f"{name}.gguf", facts(arch, c), tensors)
    check_matters(name, family, exact, c, others, logits)
    answer = {"tokens": TOKENS, "logits": [[round(float(x), 9) for x in row] for row in logits]}
    (folder / f"{name}.json").write_text(json.dumps(answer) + "\n")
    print(f"{name}: logits {logits.min():.3f} .. {logits.max():.3f}")


def main(folder, wanted):
    for family in FAMILIES:
        for name, (arch, c, others) in family.MODELS.items():
            if not wanted or name in wanted:
                write_model(pathlib.Path(folder), name, family, arch, c, others)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
