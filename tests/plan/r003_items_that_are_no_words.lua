return infer {
  model "files/model.gguf",
  "kv.paged",
  4,
  { use "graph.fuse" },
  bench,
  false,
  prompts { "Once" },
}
