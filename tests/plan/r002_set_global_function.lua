function rounded() end
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
