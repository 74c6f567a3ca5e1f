-- set: model.path=files/other.gguf
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
