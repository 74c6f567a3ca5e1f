return infer {
  nmae = "x", sed = 1,
  model "files/model.gguf",
  prompts { "Once" },
}
