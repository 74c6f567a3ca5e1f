-- set: kv.paged.block=64
-- set: kv.paged.budget=64MiB
-- set: sample.temperature=0.5
-- set: sample.stop=END
-- set: seed=11
-- set: floor=exact
-- set: engine.threads=3
-- set: kv.paged.may_idle=true
return infer {
  model "files/model.gguf",
  use "kv.paged" { block = 32 },
  prompts { "Once" },
}
