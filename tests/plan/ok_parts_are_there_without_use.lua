return infer {
  model "files/model.gguf",
  use "mix.all" { count = -9223372036854775807 },
  prompts { "Once" },
}
