return infer {
  model "files/model.gguf",
  prompts { inline = { "Once", "Twice" }, limit = 1 },
}
