return infer {
  prompts { "Once" },
  model "files/model.gguf",
}
