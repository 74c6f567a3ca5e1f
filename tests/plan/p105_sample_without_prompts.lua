return infer {
  model "files/model.gguf",
  perplexity "files/text.txt",
  sample { temperature = 0.8, length = 64 },
}
