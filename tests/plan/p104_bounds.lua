return infer {
  model "files/model.gguf",
  use "weights.rtn" { bits = 3, group = 512 },
  use "kv.paged" { budget = -1 },
  sample { temperature = 101, length = 0 },
  prompts { "Once" },
}
