local s = string.rep("x", 1e9)
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
