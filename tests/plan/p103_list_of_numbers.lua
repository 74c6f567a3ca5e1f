return infer {
  model "files/model.gguf",
  prompts { 1, 2 },
  sample { stop = { true } },
}
