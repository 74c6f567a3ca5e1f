-- set: kv.paged.block=32
-- set: kv.paged.block=64
return infer {
  model "files/model.gguf",
  use "kv.paged",
  prompts { "Once" },
}
