for k in pairs({ [{}] = 1 }) do end
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
