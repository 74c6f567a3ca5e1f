return infer {
  model "files/model.gguf",
}
