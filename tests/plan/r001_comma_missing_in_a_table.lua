return infer {
  model "files/model.gguf",
  use "weights.rtn" { bits = 4 group = 32 },
  prompts { "Once" },
}
