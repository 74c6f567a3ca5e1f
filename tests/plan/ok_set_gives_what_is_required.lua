-- set: decode.draft.model=files/draft.gguf
return infer {
  model "files/model.gguf",
  use "decode.draft",
  prompts { "Once" },
}
