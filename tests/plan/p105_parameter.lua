return infer {
  model "files/model.gguf",
  use "kv.quant" { keys = "q8", values = "q8", group = 64 },
  use "mix.all" { flag = true, share = 0.25 },
  prompts { "Once" },
}
