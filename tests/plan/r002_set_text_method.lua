string.format = nil
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
