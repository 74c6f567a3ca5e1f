return infer {
  model "files/model.gguf",
  infer { },
  prompts { "Once" },
}
