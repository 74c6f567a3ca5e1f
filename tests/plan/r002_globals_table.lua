local g = _G
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
