return infer {
  model "files/model.gguf",
  use "decode.draft" { model = "files/draft.gguf" },
  use "decode.lookup",
  prompts { "Once" },
}
