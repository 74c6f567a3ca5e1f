return infer {
  model "files/model.gguf",
  promts { "Once" },
}
