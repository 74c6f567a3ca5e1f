return infer {
  model "files/model.gguf",
  perplexity "files/text.txt" { größe = 3 },
}
