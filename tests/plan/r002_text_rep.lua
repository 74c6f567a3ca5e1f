local s = ("x"):rep(1e9)
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
