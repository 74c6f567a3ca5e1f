-- Does a small model that guesses ahead make one sequence faster?
return infer {
  name = "draft",
  seed = 7,

  model "models/kjv-2m-f16.gguf",

  use "decode.draft" { model = "models/kjv-draft-f16.gguf", lookahead = 4 },

  prompts "models/kjv-prompts.txt",
  sample  { temperature = 0, length = 128 },
  measure { warmup = 1, repeats = 5 },

  against "plain",
}
