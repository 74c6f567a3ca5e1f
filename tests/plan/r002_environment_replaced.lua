local _ENV = { infer = infer }
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
