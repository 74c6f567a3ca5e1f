local s = string.fromat("x")
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
