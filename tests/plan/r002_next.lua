local k = next({})
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
