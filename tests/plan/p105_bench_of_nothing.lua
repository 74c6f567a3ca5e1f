return infer {
  model "files/model.gguf",
  bench { prefill = 0, decode = 0, batch = 4 },
}
