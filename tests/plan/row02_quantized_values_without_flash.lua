return infer {
  model "files/model.gguf",
  use "kv.quant" { keys = "q4", values = "q4" },
  prompts { "Once" },
}
