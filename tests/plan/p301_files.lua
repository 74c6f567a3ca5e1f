return infer {
  model "files/modell.gguf",
  use "decode.draft" { model = "/nowhere/draft.gguf" },
  prompts "files",
  perplexity { file = "no\nsuch.txt" },
  against "ok_plian",
}
