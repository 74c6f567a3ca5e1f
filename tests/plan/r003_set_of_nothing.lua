-- set: block=32
-- set: .=1
-- set: kv.=1
return infer {
  model "files/model.gguf",
  use "kv.paged",
  prompts { "Once" },
}
