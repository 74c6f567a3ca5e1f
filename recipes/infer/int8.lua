-- What do 8-bit weights cost in quality, and what do they save?
return infer {
  name = "int8",
  seed = 7,

  model "models/kjv-2m-f16.gguf",

  use "weights.rtn" { bits = 8, group = 32 },

  prompts    "models/kjv-prompts.txt",
  sample     { temperature = 0, length = 128 },
  perplexity { file = "models/kjv-valid.txt", context = 512, chunks = 16 },
  measure    { warmup = 1, repeats = 3 },

  against "plain",
}
