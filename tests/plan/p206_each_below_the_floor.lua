return infer {
  floor = "exact",
  model "files/model.gguf",
  use "weights.rtn",
  use "attention.flash",
  use "kv.paged",
  prompts { "Once" },
}
