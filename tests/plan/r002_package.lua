local p = package.path
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
