local t = string.format("\0%p", "x")
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
