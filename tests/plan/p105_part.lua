return infer {
  model "files/model.gguf",
  use "kernels.x86",
  prompts { "Once" },
}
