return infer {
  model "files/model.gguf",
  use "weights.rtn",
  use "weights.prune",
  prompts { "Once" },
}
