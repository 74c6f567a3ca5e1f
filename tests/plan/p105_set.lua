-- set: kv.prefix.keep=3
-- set: bench.decode=3
-- set: kv.pagd.block=1
return infer {
  model "files/model.gguf",
  use "kv.paged",
  prompts { "Once" },
}
