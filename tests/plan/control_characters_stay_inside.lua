return infer {
  model "files/model.gguf",
  use "\27[31mred\27[0m",
  use "kv.paged" { ["\27[2J"] = 1 },
  prompts { "Once" },
}
