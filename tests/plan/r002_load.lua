local f = load("return 1")
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
