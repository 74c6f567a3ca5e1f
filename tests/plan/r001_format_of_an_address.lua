local t = string.format("%-20p", "x")
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
