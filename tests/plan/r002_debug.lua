local r = debug.getregistry()
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
