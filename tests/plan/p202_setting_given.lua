return infer {
  model "files/model.gguf",
  use "logits.top_k",
  sample { temperature = 0 },
  prompts { "Once" },
}
