local x <close> = use "kv.paged"
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
