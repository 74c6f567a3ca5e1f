return infer {
  model "files/model.gguf",
  prompts { "Once", file = "files/prompts.txt" },
}
