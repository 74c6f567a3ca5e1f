return infer {
  model "files/model.gguf",
  use "mix.all" { choice = "three" },
  prompts { "Once" },
}
