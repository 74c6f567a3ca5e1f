return infer {
  model "files/model.gguf",
  use "attention.flash",
  use "kv.quant" { keys = "f16", values = "q4" },
  prompts { "Once" },
}
