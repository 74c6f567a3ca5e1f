local d = string.dump(error)
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
