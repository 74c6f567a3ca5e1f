while true do end
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
