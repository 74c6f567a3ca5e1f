return infer {
  model "files/model.gguf",
  sample { [true] = 1 },
  prompts { "Once" },
}
