return infer {
  model "files/model.gguf",
  prompts { "Who are you?", system = "Be brief.", history = { "Hi", "Hello." } },
}
