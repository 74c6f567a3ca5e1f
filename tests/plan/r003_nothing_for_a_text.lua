return infer {
  model "files/model.gguf",
  use(),
  prompts { "Once" },
}
