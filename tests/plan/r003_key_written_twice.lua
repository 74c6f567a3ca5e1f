return infer {
  model "files/model.gguf",
  use "weights.rtn" { bits = 4, group = 32, bits = 8 },
  sample { length = 1, ["length"] = 2 },
  prompts { "Once" },
}
