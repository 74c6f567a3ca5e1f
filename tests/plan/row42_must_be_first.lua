return infer {
  model "files/model.gguf",
  use "logits.top_k",
  use "logits.top_p",
  use "logits.alike",
  sample { temperature = 1 },
  prompts { "Once" },
}
