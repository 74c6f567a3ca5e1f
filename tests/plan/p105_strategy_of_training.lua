return infer {
  model "files/model.gguf",
  use "optimizer.adam8" { block = 128 },
  prompts { "Once" },
}
