return infer {
  model { path = "files/model.gguf" },
  prompts { "Once" },
}
