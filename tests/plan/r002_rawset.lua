rawset({}, 1, 2)
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
