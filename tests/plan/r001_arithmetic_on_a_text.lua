return infer {
  model "files/model.gguf",
  use "weights.rtn" { bits = "4" + 0 },
  prompts { "Once" },
}
