return infer {
  model "files/model.gguf",
  use "mix.all" { choice = "two" },
  prompts { "Once" },
}
