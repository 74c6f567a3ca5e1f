local t = {}
return infer {
  model "files/model.gguf",
  sample { length = t.long.length },
  prompts { "Once" },
}
