-- set: floor=tolerant
return infer {
  model "files/model.gguf",
  use "weights.rtn",
  prompts { "Once" },
}
