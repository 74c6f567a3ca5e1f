return infer {
  floor = "tolerant",
  model "files/model.gguf",
  use "attention.flash",
  use "kv.paged",
  prompts { "Once" },
}
