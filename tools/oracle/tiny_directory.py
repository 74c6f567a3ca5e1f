"""A tiny model as people download them: two safetensors files with their index, a
configuration, and a tokenizer.

    /usr/bin/python3 tools/oracle/tiny_directory.py tests/data/models

writes FOLDER/tiny-directory from FOLDER/tiny-llama-tied.gguf: the same numbers, with the
rows of queries and keys in the order that such directories have (first halves of the
turning pairs, then second halves), and the same vocabulary, so that both models answer
with the same tokens.

Needs Debian's python3-numpy.
"""

import json
import pathlib
import struct
import sys

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "models"))
import gguf  # noqa: E402

NAMES = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
# What tells Vicuna's template from others; nobody runs it.
TEMPLATE = ("{% for message in messages %}{% if message['role'] == 'user' %}"
            "{{ 'USER: ' + message['content'] + '\\n' }}{% else %}"
            "{{ 'ASSISTANT: ' + message['content'] + eos_token + '\\n' }}"
            "{% endif %}{% endfor %}")


def renamed(name):
    if name == "token_embd.weight":
        return "model.embed_tokens.weight"
    if name == "output_norm.weight":
        return "model.norm.weight"
    _, layer, what, end = name.split(".")
    return f"model.layers.{layer}.{NAMES[what]}.{end}"


def halves(rows, head):
    """Pairs (2i, 2i + 1) of each head become (i, i + head / 2)."""
    order = [*range(0, head, 2), *range(1, head, 2)]
    return rows.reshape(-1, head, rows.shape[1])[:, order].reshape(rows.shape)


def safetensors(path, tensors):
    head, data = {"__metadata__": {"format": "pt"}}, b""
    for name, array in tensors.items():
        raw = array.tobytes()
        head[name] = {"dtype": {4: "F32", 2: "F16"}[array.itemsize],
                      "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def tokenizer(pieces):
    blank = "\u2581"
    special = [{"id": i, "content": pieces[i], "single_word": False, "lstrip": False,
                "rstrip": False, "normalized": False, "special": True} for i in range(3)]
    return {
        "version": "1.0", "added_tokens": special,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": blank},
            {"type": "Replace", "pattern": {"String": " "}, "content": blank}]},
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                       {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [], "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": True,
                  "byte_fallback": False, "vocab": {p: i for i, p in enumerate(pieces)},
                  "merges": []}}


def main(folder):
    folder = pathlib.Path(folder)
    model = gguf.Reader(folder / "tiny-llama-tied.gguf")
    facts, out = model.metadata, folder / "tiny-directory"
    out.mkdir(exist_ok=True)
    width, heads = facts["llama.embedding_length"], facts["llama.attention.head_count"]
    tensors = {}
    for name, array in model.tensors.items():
        turns = ".attn_q." in name or ".attn_k." in name
        tensors[renamed(name)] = halves(array, width // heads) if turns else array
    names, where = list(tensors), {}
    for k, part in enumerate([names[:5], names[5:]], 1):
        file = f"model-{k:05}-of-00002.safetensors"
        safetensors(out / file, {n: tensors[n] for n in part})
        where.update({n: file for n in part})
    files = {
        "model.safetensors.index.json": {"metadata": {}, "weight_map": where},
        "config.json": {
            "architectures": ["LlamaForCausalLM"], "model_type": "llama",
            "hidden_size": width, "num_attention_heads": heads,
            "num_key_value_heads": facts["llama.attention.head_count_kv"],
            "num_hidden_layers": facts["llama.block_count"],
            "intermediate_size": facts["llama.feed_forward_length"],
            "max_position_embeddings": facts["llama.context_length"],
            "rms_norm_eps": facts["llama.attention.layer_norm_rms_epsilon"],
            "rope_theta": facts["llama.rope.freq_base"], "rope_scaling": None,
            "hidden_act": "silu", "tie_word_embeddings": True, "vocab_size": 64,
            "bos_token_id": 1, "eos_token_id": 2},
        "tokenizer.json": tokenizer(facts["tokenizer.ggml.tokens"]),
        "tokenizer_config.json": {"add_bos_token": True, "bos_token": "<s>",
                                  "eos_token": "</s>", "unk_token": "<unk>",
                                  "chat_template": TEMPLATE},
    }
    for name, value in files.items():
        (out / name).write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
