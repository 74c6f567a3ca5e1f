xpcall(error, error)
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
