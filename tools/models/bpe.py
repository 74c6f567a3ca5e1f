"""A byte-level BPE tokenizer, in GPT-2's manner, and its trainer.

Text is cut into words by GPT-2's pattern, a word's bytes are written as
printable characters (GPT-2's table), and pairs of neighbours are merged in the
order in which training found them.  Ids: the 256 bytes, then the merges, then
<|endoftext|>, which begins and ends a document and never comes from text.

In GGUF this is tokenizer.ggml.model "gpt2", tokenizer.ggml.pre "gpt-2".
"""

import collections
import functools
import re
import unicodedata

END = "<|endoftext|>"

# GPT-2's pattern over a text in which every character outside ASCII has been
# replaced by an ASCII one of its class (see `shadow`): Python's own re has no
# \p{L} and \p{N}.
WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+"
                  r"| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+", re.ASCII)


def shadow(char):
    if char < "\x80":
        return char
    if char.isspace():
        return "\t"     # not " ": only the ASCII space may lead a word
    return {"L": "x", "N": "0"}.get(unicodedata.category(char)[0], "#")


def words(text):
    stand_in = text if text.isascii() else "".join(map(shadow, text))
    return [text[m.start():m.end()] for m in WORD.finditer(stand_in)]


@functools.lru_cache(maxsize=None)
def byte_table():
    """byte -> the printable character that stands for it in token strings."""
    plain = [*range(0x21, 0x7f), *range(0xa1, 0xad), *range(0xae, 0x100)]
    table = {b: chr(b) for b in plain}
    for b in range(256):
        if b not in table:
            table[b] = chr(256 + len(table) - len(plain))
    return table


def spell(word):
    table = byte_table()
    return tuple(table[b] for b in word.encode("utf-8"))


def merge(symbols, pair):
    out, i = [], 0
    while i < len(symbols):
        if symbols[i:i + 2] == pair:
            out.append(pair[0] + pair[1])
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return tuple(out)


def train(text, vocab):
    """-> the merges, most useful first, for a vocabulary of `vocab` tokens."""
    count = {spell(w): n for w, n in collections.Counter(words(text)).items()}
    merges = []
    while len(merges) < vocab - 256 - 1:
        pairs = collections.Counter()
        for symbols, n in count.items():
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += n
        # Equal counts are settled by spelling, so that the result does not
        # depend on the order of a dictionary.
        best = min(pairs, key=lambda p: (-pairs[p], p))
        merges.append(best)
        count = {merge(s, best) if best[0] in s else s: n
                 for s, n in count.items()}
    return merges


class Tokenizer:
    def __init__(self, merges):
        self.merges = [tuple(m) for m in merges]
        self.rank = {m: i for i, m in enumerate(self.merges)}
        self.tokens = [byte_table()[b] for b in range(256)]
        self.tokens += [a + b for a, b in self.merges]
        self.tokens.append(END)
        self.id = {t: i for i, t in enumerate(self.tokens)}
        if len(self.id) != len(self.tokens):
            raise ValueError("two merges spell the same token")
        self.end = self.id[END]
        self.byte = {c: b for b, c in byte_table().items()}
        self.known = {}     # word -> ids; a text has few distinct words

    def word_ids(self, word):
        symbols = spell(word)
        while len(symbols) > 1:
            best = min(zip(symbols, symbols[1:]),
                       key=lambda p: self.rank.get(p, len(self.rank)))
            if best not in self.rank:
                break
            symbols = merge(symbols, best)
        return [self.id[s] for s in symbols]

    def encode(self, text):
        """No <|endoftext|> in front: callers know where documents start."""
        ids = []
        for word in words(text):
            if word not in self.known:
                self.known[word] = self.word_ids(word)
            ids += self.known[word]
        return ids

    def decode(self, ids):
        chars = "".join(self.tokens[i] for i in ids if i != self.end)
        return bytes(self.byte[c] for c in chars).decode("utf-8", "replace")
