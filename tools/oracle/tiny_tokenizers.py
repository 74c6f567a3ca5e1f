"""Small tokenizers of every kind that model directories have, as tokenizer.json.

    /usr/bin/python3 tools/oracle/tiny_tokenizers.py tests/data/tokenizer/made

writes NAME.json for each.  Their ids for difficult texts are then recorded by the
library that such files are made for (record_ids.mjs), so that nothing here has to be
believed.  Pieces come from counting a few lines of text; what they are matters less
than that there are some of every length, in Latin and other scripts.
"""

import base64
import collections
import json
import pathlib
import struct
import sys

BLANK = "\u2581"
LINES = """In the beginning God created the heaven and the earth.
And the earth was without form, and void; and darkness was upon the face of the deep.
The quick brown fox jumps over the lazy dog. Don't stop! It's 1234567890, isn't it?
日本語のテキスト、漢字。ひらがな カタカナ 中文字符测试，你好！世界 한국어 텍스트
ÜBER Straße ÉCOLE élève привет ПРИВЕТ мир αβγ ΑΒΓ שלום עולם
def main(argc): return [i ** 2 for i in range(10)]; // a  b   c    d
""" * 2


# ---- byte pairs ------------------------------------------------------------------------

def byte_table():
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {b: chr(b) for b in plain}
    for b in range(256):
        if b not in table:
            table[b] = chr(256 + len(table) - len(plain))
    return table


def learn(words, count):
    """Merges in the order of training, most frequent pair first."""
    words = collections.Counter(words)
    merges = []
    while len(merges) < count:
        pairs = collections.Counter()
        for word, n in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += n
        if not pairs:
            break
        best = max(pairs.items(), key=lambda item: (item[1], item[0]))[0]
        merges.append(best)
        after = collections.Counter()
        for word, n in words.items():
            out, i = [], 0
            while i < len(word):
                if word[i:i + 2] == best:
                    out.append(best[0] + best[1])
                    i += 2
                else:
                    out.append(word[i])
                    i += 1
            after[tuple(out)] += n
        words = after
    return merges


def spaced_words(text):
    """Words with the blank before them; line ends apart."""
    out = []
    for line in text.splitlines():
        out += [" " + w if i else w for i, w in enumerate(line.split(" "))]
        out.append("\n")
    return [w for w in out if w]


def added(contents, first, **more):
    rows = []
    for i, content in enumerate(contents):
        row = dict(id=first + i, content=content, single_word=False, lstrip=False,
                   rstrip=False, normalized=False, special=True)
        row.update(more.get(content, {}))
        rows.append(row)
    return rows


def byte_level(pre, normalizer=None, whole=False, specials=(), begin=None, pairs=False):
    table = byte_table()
    words = [tuple(table[b] for b in w.encode()) for w in spaced_words(LINES)]
    merges = learn(words, 200)
    tokens = [table[b] for b in range(256)] + [a + b for a, b in merges]
    if whole:  # words that no merges lead to
        tokens += [table[32] + "".join(table[b] for b in w.encode()) for w in
                   ("zebra", "xylophone", "Привет")]
    vocab = {t: i for i, t in enumerate(dict.fromkeys(tokens))}
    template = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False,
                "use_regex": True}
    if begin is not None:
        template = {"type": "Sequence", "processors": [template, {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": begin, "type_id": 0}},
                       {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}},
                     {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {begin: {
                "id": begin, "ids": [len(vocab) + specials.index(begin)],
                "tokens": [begin]}}}]}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": added(specials, len(vocab), **{
            "<|user|>": {"rstrip": True, "lstrip": True},
            "<tool>": {"special": False}}),
        "normalizer": normalizer, "pre_tokenizer": pre, "post_processor": template,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True,
                    "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None,
                  "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": False, "byte_fallback": False, "ignore_merges": whole,
                  "vocab": vocab,
                  "merges": [list(m) for m in merges] if pairs else
                            [f"{a} {b}" for a, b in merges]},
    }


def characters(normalizer, pre):
    """Merges over characters, with bytes to fall back on, as Llama 2 has them."""
    words = [tuple(w.replace(" ", BLANK)) for w in spaced_words(LINES)]
    words += [tuple(BLANK * 8)] * 9
    merges = learn(words, 200)
    letters = dict.fromkeys(c for w in words for c in w if ord(c) < 0x3000)
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    # Merges are shuffled against their pieces' numbers, so that only they can tell.
    made = [a + b for a, b in merges]
    tokens += sorted(set(made)) + [c for c in letters]
    vocab = {t: i for i, t in enumerate(dict.fromkeys(tokens))}
    merges = [m for m in merges if m[0] in vocab and m[1] in vocab and m[0] + m[1] in vocab]
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": added(["<unk>", "<s>", "</s>"], 0),
        "normalizer": normalizer, "pre_tokenizer": pre,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                       {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [1],
                                                   "tokens": ["<s>"]}}},
        "decoder": None,
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>",
                  "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": vocab, "merges": [f"{a} {b}" for a, b in merges]},
    }


# ---- unigram -----------------------------------------------------------------------------

def double_array(pairs):
    """A trie over the keys' bytes in the layout of Darts-clone.

    A unit: bits 10 and up the offset to the children (exclusive or), bit 8 that a text
    ends here, bits 0 to 7 the byte.  The text's number stands in the child 0, with bit 31.
    """
    units, used = {}, {0}

    def place(base_of, rows, depth):
        labels = sorted({0 if len(k) == depth else k[depth] for k, _ in rows})
        offset = 1
        while True:
            spots = [base_of ^ offset ^ label for label in labels]
            if offset < 1 << 21 and all(s not in used for s in spots):
                break
            offset += 1
        used.update(spots)
        ends = any(len(k) == depth for k, _ in rows)
        units[base_of] = (units.get(base_of, 0) & 0xFF) | offset << 10 | (ends << 8)
        for label in labels:
            at = base_of ^ offset ^ label
            below = [r for r in rows if len(r[0]) > depth and r[0][depth] == label]
            if label == 0:
                units[at] = 0x80000000 | next(v for k, v in rows if len(k) == depth)
                continue
            units[at] = label
            place(at, below, depth + 1)

    place(0, pairs, 0)
    size = (max(used) | 255) + 1
    return struct.pack(f"<{size}I", *(units.get(i, 0) for i in range(size)))


def charsmap():
    """Blanks of all kinds, full-width letters, ligatures, what has no width."""
    changes = {c: " " for c in "\t\n\r\u00a0\u2003\u3000\u2028"}
    changes.update({chr(0xFF01 + i): chr(0x21 + i) for i in range(94)})
    changes.update({"\ufb01": "fi", "\u00bd": "1/2", "\u200b": " ", "\ufeff": "",
                    "\u2460": "1", "e\u0301": "é", "\u212b": "Å"})
    texts, pairs = b"", []
    for key, value in changes.items():
        pairs.append((key.encode(), len(texts)))
        texts += value.encode() + b"\0"
    trie = double_array(pairs)
    return struct.pack("<I", len(trie)) + trie + texts


def unigram(pre, mapped, falls_back):
    counts = collections.Counter()
    for word in spaced_words(LINES):
        marked = word.replace(" ", BLANK).replace("\n", "")
        for i in range(len(marked)):
            for j in range(i + 1, min(len(marked), i + 7) + 1):
                counts[marked[i:j]] += 1
    total = sum(counts.values())
    pieces = [p for p in counts if len(p) == 1 and ord(p) < 0x3000 or counts[p] > 2]
    pieces = sorted(pieces, key=lambda p: (-counts[p] * len(p), p))[:320]
    if BLANK not in pieces:
        pieces.append(BLANK)
    import math
    vocab = [["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0]]
    if falls_back:
        vocab += [[f"<0x{b:02X}>", 0.0] for b in range(256)]
    # The numbers in the last places keep sums from being equal.
    vocab += [[p, round(math.log(counts[p] / total if counts[p] else 1e-6) - i * 1e-5, 6)]
              for i, p in enumerate(pieces)]
    steps = [{"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]
    if mapped:
        steps.insert(0, {"type": "Precompiled",
                         "precompiled_charsmap": base64.b64encode(charsmap()).decode()})
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": added(["<pad>", "</s>", "<unk>"], 0),
        "normalizer": {"type": "Sequence", "normalizers": steps} if mapped else None,
        "pre_tokenizer": pre,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [], "special_tokens": {}},
        "decoder": None,
        "model": {"type": "Unigram", "unk_id": 2, "vocab": vocab,
                  "byte_fallback": falls_back},
    }


# ---- all ----------------------------------------------------------------------------------

def split(pattern):
    return {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated",
         "invert": False},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
         "use_regex": False}]}


GPT2 = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
        "use_regex": True}
WORDS = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s|"
         r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DIGITS = {"type": "Sequence", "pretokenizers": [
    {"type": "Digits", "individual_digits": True}, GPT2]}
BLANKS = {"type": "Replace", "pattern": {"String": " "}, "content": BLANK}
PREPEND = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": BLANK}, BLANKS]}


def metaspace(scheme, cut):
    return {"type": "Metaspace", "replacement": BLANK, "prepend_scheme": scheme,
            "split": cut}


MADE = {
    "bytes-gpt2": lambda: byte_level(GPT2, specials=["<|endoftext|>"]),
    "bytes-nfc": lambda: byte_level(split(WORDS % r"\p{N}"), {"type": "NFC"},
                                    specials=["<|im_start|>", "<|im_end|>", "<tool>"]),
    "bytes-whole": lambda: byte_level(
        split(WORDS % r"\p{N}{1,3}"), whole=True, pairs=True, begin="<|begin|>",
        specials=["<|begin|>", "<|end|>", "<|user|>"]),
    "bytes-digits": lambda: byte_level(DIGITS, specials=["<|endoftext|>"]),
    "characters-prepend": lambda: characters(PREPEND, None),
    "characters-first": lambda: characters(None, metaspace("first", False)),
    "characters-never": lambda: characters(BLANKS, {
        "type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious",
        "invert": False}),
    "unigram-mapped": lambda: unigram({"type": "Sequence", "pretokenizers": [
        {"type": "WhitespaceSplit"}, metaspace("always", True)]}, True, False),
    "unigram-bytes": lambda: unigram(metaspace("always", True), False, True),
}


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in MADE.items():
        text = json.dumps(make(), ensure_ascii=False, separators=(",", ":"))
        (folder / f"{name}.json").write_text(text + "\n")
        print(f"{name}: {len(text)} bytes")


if __name__ == "__main__":
    main(sys.argv[1])
