local c = string.char(0)
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
