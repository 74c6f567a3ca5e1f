-- Do 4 bits in the feed-forward layers alone hurt less than 4 bits everywhere?
-- Set weights.rtn.only= on the command line to round everything, and compare.
return infer {
  name = "int4-feed-forward",
  seed = 7,

  model "models/kjv-2m-f16.gguf",

  use "weights.rtn" { bits = 4, group = 32, only = "*.ffn_*" },

  prompts    "models/kjv-prompts.txt",
  sample     { temperature = 0, length = 128 },
  perplexity { file = "models/kjv-valid.txt", context = 512, chunks = 16 },
  measure    { warmup = 1, repeats = 3 },

  against "plain",
}
