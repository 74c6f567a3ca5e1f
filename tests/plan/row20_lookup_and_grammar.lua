return infer {
  model "files/model.gguf",
  use "decode.lookup" { ngram = 3 },
  use "logits.grammar" { file = "files/text.txt" },
  prompts { "Once" },
}
