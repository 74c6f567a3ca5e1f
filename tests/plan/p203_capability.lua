return infer {
  model "files/model.gguf",
  use "kv.window",
  use "kv.quant",
  prompts { "Once" },
}
