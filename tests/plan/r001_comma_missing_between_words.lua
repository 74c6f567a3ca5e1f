return infer {
  model "files/model.gguf",
  use "kv.paged" use "graph.fuse",
  prompts { "Once" },
}
