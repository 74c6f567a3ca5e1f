local m = getmetatable("")
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
