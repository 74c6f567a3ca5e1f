table.insert(math, 1)
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
