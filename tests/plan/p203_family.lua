return infer {
  model "files/model.gguf",
  use "attention.flash",
  use "attention.alibi_only",
  prompts { "Once" },
}
