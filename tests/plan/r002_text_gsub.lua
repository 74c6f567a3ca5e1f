local s = ("a"):gsub("a", "b")
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
