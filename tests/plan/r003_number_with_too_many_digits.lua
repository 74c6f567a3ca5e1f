return infer {
  seed = 0x10000000000000007,
  model "files/model.gguf",
  prompts { "Once" },
  sample { length = 0x0000000000000000010 },
}
