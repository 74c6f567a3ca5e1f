return infer {
  model "files/model.gguf",
  prompts { "Once" },
  prompts { "Once" },
  sample { length = 3 },
  sample { length = 4 },
}
