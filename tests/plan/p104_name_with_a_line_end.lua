return infer {
  name = "a\nb",
  model "files/model.gguf",
  prompts { "Once" },
}
