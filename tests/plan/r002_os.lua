local t = os.time()
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
