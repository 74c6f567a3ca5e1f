return infer {
  model "files/model.gguf",
  use "weights.rtn" { bits 4 },
  prompts { "Once" },
}
