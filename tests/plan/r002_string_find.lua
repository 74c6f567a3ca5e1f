local i = string.find("a", "a")
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
