return infer {
  model "files/model.gguf",
  prompts { limit = 2 },
}
