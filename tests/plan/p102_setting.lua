return infer {
  model "files/model.gguf",
  sample { temprature = 0.8, top_k = 40 },
  prompts { "Once" },
}
