-- Outputs of different length: does filling a freed place at once beat whole waves?
return infer {
  name = "continuous",
  seed = 7,

  model "models/kjv-2m-f16.gguf",

  use "kv.paged"            { block = 16 },
  use "schedule.continuous" { batch = 4 },

  prompts "models/kjv-prompts.txt",
  sample  { temperature = 0, length = 128 },
  measure { warmup = 1, repeats = 3 },

  against "waves",
}
