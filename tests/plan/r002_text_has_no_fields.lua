local s = ("x").y
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
