return infer {
  model "files/model.gguf",
  use(5),
  prompts { "Once" },
}
