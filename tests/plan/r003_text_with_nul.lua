return infer {
  model "files/model.gguf",
  prompts { "a\0b" },
}
