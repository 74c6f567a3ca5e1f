return infer {
  model "files/model.gguf",
  prompts { "Once" },
  measure { warmup = 2, repeats = 9 },
}
