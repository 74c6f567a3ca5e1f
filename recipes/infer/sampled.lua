-- The usual sampling chain, with guessing ahead: is the text as varied as without it?
-- Drafts are verified with the random numbers of plain decoding, so it is the same text.
return infer {
  name = "sampled",
  seed = 42,

  model "models/kjv-2m-f16.gguf",

  use "logits.repeat_penalty" { window = 64, penalty = 1.1 },
  use "logits.top_k"          { k = 40 },
  use "logits.top_p"          { p = 0.95 },
  use "logits.min_p"          { p = 0.05 },
  use "decode.draft"          { model = "models/kjv-draft-f16.gguf", lookahead = 3 },

  prompts "models/kjv-prompts.txt",
  sample  { temperature = 0.8, length = 128, stop = { "\n\n" } },
  measure { warmup = 0, repeats = 3 },
}
