local t = ("%s"):format({})
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
