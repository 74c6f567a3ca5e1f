local t = tostring({})
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
