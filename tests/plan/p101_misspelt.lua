return infer {
  model "files/model.gguf",
  use "kv.pagde",
  prompts { "Once" },
}
