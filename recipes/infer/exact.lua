-- How fast can it get without a single bit of the text changing?
-- The floor refuses every strategy that is not exact.
return infer {
  name  = "exact",
  seed  = 7,
  floor = "exact",

  model "models/kjv-2m-f16.gguf",

  use "kv.paged"            { block = 16 },
  use "decode.draft"        { model = "models/kjv-draft-f16.gguf", lookahead = 4 },
  use "schedule.continuous" { batch = 8 },

  prompts "models/kjv-prompts.txt",
  sample  { temperature = 0, length = 128 },
  measure { warmup = 1, repeats = 3 },

  against "plain",
}
