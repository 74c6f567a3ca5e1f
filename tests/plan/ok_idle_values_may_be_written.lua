return infer {
  model "files/model.gguf",
  use "kv.quant" { keys = "f16", values = "q8", group = 32 },
  sample { temperature = 0, length = 128 },
  perplexity "files/text.txt",
}
