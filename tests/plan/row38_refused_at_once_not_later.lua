return infer {
  model "files/model.gguf",
  engine { thread = 4 },
  measure { repeat_count = 3 },
  prompts { "Once" },
}
