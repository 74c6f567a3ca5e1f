return infer {
  model "files/model.gguf",
  prompts { "äöü 日本", "日本" }, use "weights.rtn" { bits = 99 },
}
