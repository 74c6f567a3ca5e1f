return infer {
  model "files/model.gguf",
  use "weights.merge",
  use "weights.rtn",
  prompts { "Once" },
}
