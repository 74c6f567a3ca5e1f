return infer {
  seed = 123, name = "other",
  model "files/model.gguf",
  prompts { "Once" },
}
