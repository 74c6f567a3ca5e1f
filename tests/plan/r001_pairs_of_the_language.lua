for k in pairs(math) do end
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
