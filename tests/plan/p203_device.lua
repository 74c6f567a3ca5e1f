return infer {
  model "files/model.gguf",
  use "speed.native",
  prompts { "Once" },
}
