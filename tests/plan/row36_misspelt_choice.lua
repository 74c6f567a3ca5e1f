return infer {
  model "files/model.gguf",
  use "kv.quant" { keys = "q88" },
  prompts { "Once" },
}
