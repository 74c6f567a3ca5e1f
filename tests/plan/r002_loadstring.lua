local f = loadstring("return 1")
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
