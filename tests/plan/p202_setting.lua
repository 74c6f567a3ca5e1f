return infer {
  model "files/model.gguf",
  use "logits.top_k",
  prompts { "Once" },
}
