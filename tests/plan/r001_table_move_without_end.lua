table.move({}, 1, 9e18, 2)
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
