return infer {
  model "files/model.gguf",
  schedule { steps = 3 },
  prompts { "Once" },
}
