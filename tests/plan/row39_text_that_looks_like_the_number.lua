return infer {
  model "files/model.gguf",
  use "weights.rtn" { bits = "8" },
  prompts { "Once" },
}
