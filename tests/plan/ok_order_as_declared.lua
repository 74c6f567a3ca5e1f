return infer {
  model "files/model.gguf",
  use "weights.prune",
  use "weights.rtn",
  use "weights.merge",
  prompts { "Once" },
}
