return infer {
  model "files/model.gguf",
  use "logits.repeat_penalty" { penality = 1.3, windows = 3 },
  prompts { "Once" },
}
