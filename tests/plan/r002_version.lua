local v = _VERSION
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
