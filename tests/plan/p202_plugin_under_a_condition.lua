return infer {
  model "files/model.gguf",
  use "kv.quant" { values = "q4" },
  prompts { "Once" },
}
