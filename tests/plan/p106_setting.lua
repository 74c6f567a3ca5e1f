return infer {
  model { },
  perplexity { context = 256 },
}
