print("hello")
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
