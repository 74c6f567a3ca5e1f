return infer {
  model "files/model.gguf",
  use "weights.rtn" { bits = use "kv.paged" },
  prompts { "Once" },
}
