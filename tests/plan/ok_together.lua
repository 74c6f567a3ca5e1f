-- Does everything that belongs together go together?
return infer {
  name = "together", seed = 7, floor = "lossy",

  model "files/model.gguf",

  use "weights.rtn"           { bits = 4, group = 64, only = "*.ffn_*" },
  use "kv.paged"              { block = 32, budget = 64 * MiB },
  use "kv.prefix",
  use "attention.flash"       { tile = 32 },
  use "graph.fuse",
  use "decode.draft"          { model = "files/draft.gguf", lookahead = 6 },
  use "schedule.continuous"   { batch = 4 },
  use "logits.repeat_penalty" { window = 32, penalty = 1.2 },
  use "logits.top_k"          { k = 20 },

  prompts    "files/prompts.txt" { limit = 1 },
  sample     { temperature = 0.8, length = 64, stop = { "\n\n", "END" }, ignore_end = true },
  perplexity { file = "files/text.txt", context = 256 },
  bench      { prefill = 64, decode = 16, batch = 2 },
  engine     { threads = 2, cache = "f32", memory = 0.5 * GiB },
  measure    { warmup = 1, repeats = 3 },

  against "ok_plain",
}
