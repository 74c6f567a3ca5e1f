local u = utf8.char(1)
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
