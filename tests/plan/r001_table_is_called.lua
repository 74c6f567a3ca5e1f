return infer {
  model "files/model.gguf",
  prompts { ({ "Once" })
    { 1 } },
}
