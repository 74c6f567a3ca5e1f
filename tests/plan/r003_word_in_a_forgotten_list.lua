local common = { use "kv.paged", use "graph.fuse" }
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
