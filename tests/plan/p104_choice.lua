return infer {
  model "files/model.gguf",
  use "kv.quant" { keys = "q5", values = "Q8" },
  engine { cache = "bf16" },
  prompts { "Once" },
}
