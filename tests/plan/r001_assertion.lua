assert(1 > 2, "one is not more")
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
