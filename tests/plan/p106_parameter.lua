return infer {
  model "files/model.gguf",
  use "decode.draft" { lookahead = 4 },
  prompts { "Once" },
}
