-- set: kv.paged.blok=3
-- set: sample.lenght=3
return infer {
  model "files/model.gguf",
  use "kv.paged",
  prompts { "Once" },
}
