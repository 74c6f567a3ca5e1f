use = 1
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
