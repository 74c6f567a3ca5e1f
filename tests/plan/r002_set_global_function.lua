function helper() end
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
