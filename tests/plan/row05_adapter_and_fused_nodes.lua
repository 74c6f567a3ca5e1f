return infer {
  model "files/model.gguf",
  use "graph.adapt" { file = "files/adapter.bin" },
  use "graph.fuse",
  prompts { "Once" },
}
