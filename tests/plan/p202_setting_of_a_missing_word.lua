return infer {
  model "files/model.gguf",
  use "logits.top_k",
  perplexity "files/text.txt",
}
