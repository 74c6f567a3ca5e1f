-- How far does guessing from what was already said go, with no second model?
return infer {
  name = "lookup",
  seed = 7,

  model "models/kjv-2m-f16.gguf",

  use "decode.lookup" { ngram = 3, lookahead = 4 },

  prompts "models/kjv-prompts.txt",
  sample  { temperature = 0, length = 256 },
  measure { warmup = 1, repeats = 5 },
}
