local e = _ENV
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
