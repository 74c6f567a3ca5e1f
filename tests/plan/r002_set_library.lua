math.pi = 3
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
