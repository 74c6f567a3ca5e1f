"""GGUF v3: write a model, and read back what was written.

A file is a header, metadata (typed key/value pairs), tensor descriptions and,
aligned, the tensors.  Dimensions are written fastest first: a matrix of shape
(out, in) is described as [in, out].  Knows F32 and F16 only, and little-endian
machines only.
"""

import struct

import numpy

ALIGNMENT = 32
U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
TENSOR_F32, TENSOR_F16 = 0, 1
DTYPE = {TENSOR_F32: numpy.dtype("<f4"), TENSOR_F16: numpy.dtype("<f2")}
FILE_F16 = 1            # general.file_type: matrices are F16
TOKEN_NORMAL, TOKEN_CONTROL = 1, 3


def pack_string(text):
    raw = text.encode("utf-8")
    return struct.pack("<Q", len(raw)) + raw


def pack_value(kind, value):
    if kind == STRING:
        return pack_string(value)
    if kind == ARRAY:
        of, items = value
        return (struct.pack("<IQ", of, len(items))
                + b"".join(pack_value(of, item) for item in items))
    return struct.pack({U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}[kind],
                       value)


def pad(data):
    return data + b"\0" * (-len(data) % ALIGNMENT)


def write(path, metadata, tensors):
    """metadata: [(key, kind, value)]; tensors: {name: array}, in file order."""
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(metadata))
    for key, kind, value in metadata:
        head += pack_string(key) + struct.pack("<I", kind)
        head += pack_value(kind, value)
    data = b""
    for name, array in tensors.items():
        kind = {4: TENSOR_F32, 2: TENSOR_F16}[array.itemsize]
        head += pack_string(name) + struct.pack("<I", array.ndim)
        head += struct.pack(f"<{array.ndim}Q", *reversed(array.shape))
        head += struct.pack("<IQ", kind, len(data))
        data += pad(array.astype(DTYPE[kind]).tobytes())
    with open(path, "wb") as file:
        file.write(pad(head) + data)


class Reader:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.raw = file.read()
        self.at = 0
        magic, version, tensors, pairs = self.take("<4sIQQ")
        if magic != b"GGUF" or version != 3:
            raise ValueError(f"{path} is not GGUF version 3")
        self.metadata = {}
        for _ in range(pairs):
            key = self.value(STRING)
            self.metadata[key] = self.value(*self.take("<I"))
        described = [self.description() for _ in range(tensors)]
        start = self.at + -self.at % ALIGNMENT
        self.tensors = {
            name: numpy.frombuffer(self.raw, DTYPE[kind],
                                   int(numpy.prod(dims)),
                                   start + offset).reshape(dims)
            for name, dims, kind, offset in described}

    def take(self, layout):
        out = struct.unpack_from(layout, self.raw, self.at)
        self.at += struct.calcsize(layout)
        return out

    def value(self, kind):
        if kind == STRING:
            length, = self.take("<Q")
            self.at += length
            return self.raw[self.at - length:self.at].decode("utf-8")
        if kind == ARRAY:
            of, count = self.take("<IQ")
            return [self.value(of) for _ in range(count)]
        return self.take({U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}[kind])[0]

    def description(self):
        name = self.value(STRING)
        count, = self.take("<I")
        dims = tuple(reversed(self.take(f"<{count}Q")))
        kind, offset = self.take("<IQ")
        return name, dims, kind, offset


def llama_metadata(name, description, shape, tokenizer):
    """What llama.cpp expects of architecture "llama" with a GPT-2 tokenizer."""
    end = tokenizer.end
    types = [TOKEN_NORMAL] * len(tokenizer.tokens)
    types[end] = TOKEN_CONTROL
    merges = [f"{a} {b}" for a, b in tokenizer.merges]
    return [
        ("general.architecture", STRING, "llama"),
        ("general.type", STRING, "model"),
        ("general.name", STRING, name),
        ("general.description", STRING, description),
        ("general.license", STRING, "cc0-1.0"),
        ("general.alignment", U32, ALIGNMENT),
        ("general.file_type", U32, FILE_F16),
        ("general.quantization_version", U32, 2),
        ("llama.context_length", U32, shape.context),
        ("llama.embedding_length", U32, shape.width),
        ("llama.block_count", U32, shape.layers),
        ("llama.feed_forward_length", U32, shape.ffn),
        ("llama.attention.head_count", U32, shape.heads),
        ("llama.attention.head_count_kv", U32, shape.kv_heads),
        ("llama.attention.layer_norm_rms_epsilon", F32, shape.eps),
        ("llama.rope.dimension_count", U32, shape.head),
        ("llama.rope.freq_base", F32, shape.rope_base),
        ("llama.vocab_size", U32, shape.vocab),
        ("tokenizer.ggml.model", STRING, "gpt2"),
        ("tokenizer.ggml.pre", STRING, "gpt-2"),
        ("tokenizer.ggml.tokens", ARRAY, (STRING, tokenizer.tokens)),
        ("tokenizer.ggml.token_type", ARRAY, (I32, types)),
        ("tokenizer.ggml.merges", ARRAY, (STRING, merges)),
        ("tokenizer.ggml.bos_token_id", U32, end),
        ("tokenizer.ggml.eos_token_id", U32, end),
        ("tokenizer.ggml.add_bos_token", BOOL, True),
        ("tokenizer.ggml.add_eos_token", BOOL, False),
    ]
