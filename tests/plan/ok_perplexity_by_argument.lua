return infer {
  model "files/model.gguf",
  perplexity "files/text.txt" { context = 256 },
}
