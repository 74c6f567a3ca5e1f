return infer {
  model "files/model.gguf",
  sample { draft = "files/draft.gguf" },
  prompts { "Once" },
}
