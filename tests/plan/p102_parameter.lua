return infer {
  model "files/model.gguf",
  use "decode.lookup" { ngrm = 3 },
  use "kv.prefix" { keep = 3 },
  use "kv.paged",
  prompts { "Once" },
}
