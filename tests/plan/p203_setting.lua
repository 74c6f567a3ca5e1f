return infer {
  model "files/model.gguf",
  use "logits.typical",
  prompts { "Once" },
}
