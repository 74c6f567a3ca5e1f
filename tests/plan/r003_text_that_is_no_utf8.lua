return infer {
  model "files/model.gguf",
  prompts { "\xff\xfe" },
}
