return infer {
  model = "files/model.gguf" { fresh = true },
  prompts { "Once" },
}
