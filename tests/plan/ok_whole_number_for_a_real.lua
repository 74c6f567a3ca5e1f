return infer {
  model "files/model.gguf",
  use "logits.top_p" { p = 1 },
  sample { temperature = 1 },
  prompts { "Once" },
}
