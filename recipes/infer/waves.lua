-- Eight prompts in one padded wave: how much does sharing each step's weights bring?
return infer {
  name = "waves",
  seed = 7,

  model "models/kjv-2m-f16.gguf",

  use "schedule.static" { batch = 8 },

  prompts "models/kjv-prompts.txt",
  sample  { temperature = 0, length = 128 },
  measure { warmup = 1, repeats = 3 },

  against "plain",
}
