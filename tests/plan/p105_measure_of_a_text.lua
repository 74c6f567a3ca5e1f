-- set: measure.warmup=2
return infer {
  model "files/model.gguf",
  perplexity "files/text.txt",
  measure { repeats = 5 },
}
