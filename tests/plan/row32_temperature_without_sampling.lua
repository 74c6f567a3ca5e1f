return infer {
  model "files/model.gguf",
  bench { decode = 8, prefill = 8 },
  sample { temperature = 0.8 },
}
