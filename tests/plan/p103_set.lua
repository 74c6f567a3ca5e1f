-- set: kv.paged.block=many
-- set: sample.temperature=0x10
-- set: sample.ignore_end=yes
-- set: engine.threads=1.5
-- set: engine.rows=nan
return infer {
  model "files/model.gguf",
  use "kv.paged",
  prompts { "Once" },
}
