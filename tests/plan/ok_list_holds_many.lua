return infer {
  model "files/model.gguf",
  prompts { "a", "b", "c", "d", "e", "f", "g", "h" },
}
