-- set: sample.temperature=0.8
return infer {
  model "files/model.gguf",
  perplexity "files/text.txt",
}
