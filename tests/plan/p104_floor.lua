return infer {
  floor = "exat",
  seed = -1,
  model "files/model.gguf",
  prompts { "Once" },
}
