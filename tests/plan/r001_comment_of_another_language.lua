// a plain run
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
