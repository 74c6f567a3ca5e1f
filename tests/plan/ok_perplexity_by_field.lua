return infer {
  model "files/model.gguf",
  perplexity { file = "files/text.txt", context = 256 },
}
