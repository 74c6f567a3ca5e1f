local missing
return infer {
  model "files/model.gguf",
  prompts { "a", missing, "b" },
}
