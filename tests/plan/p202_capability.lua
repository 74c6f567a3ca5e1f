return infer {
  model "files/model.gguf",
  use "kv.prefix",
  prompts { "Once" },
}
