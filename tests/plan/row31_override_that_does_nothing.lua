-- set: kv.quant.group=64
return infer {
  model "files/model.gguf",
  use "kv.quant",
  prompts { "Once" },
}
