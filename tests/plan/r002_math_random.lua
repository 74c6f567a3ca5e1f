local r = math.random()
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
