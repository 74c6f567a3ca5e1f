-- How many bits do keys and values need?  Keys in 8, values in 4, and what it costs.
return infer {
  name = "small-cache",
  seed = 7,

  model "models/kjv-2m-f16.gguf",

  use "kv.paged"        { block = 32 },
  use "kv.quant"        { keys = "q8_0", values = "q4_0" },
  use "attention.flash" { tile = 64 },

  prompts    "models/kjv-prompts.txt",
  sample     { temperature = 0, length = 128 },
  perplexity { file = "models/kjv-valid.txt", context = 512, chunks = 16 },
  measure    { warmup = 1, repeats = 3 },

  against "plain",
}
