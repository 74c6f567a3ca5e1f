return infer {
  model "files/model.gguf",
  use "weights.rtn" { bits = 4, only = "*.ffn_*" },
  use "weights.rtn" { bits = 8, except = "*.ffn_*" },
  prompts { "Once" },
}
