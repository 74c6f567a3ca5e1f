return infer {
  model "files/model.gguf",
  use "logits.top_p" { p = 0.9 },
  use "logits.typical",
  sample { temperature = 0.7 },
  prompts { "Once" },
}
