-- Weights larger than the memory they may have: what does reading them from disk in
-- every step cost?
return infer {
  name = "tight-memory",
  seed = 7,

  model "models/kjv-2m-f16.gguf",

  use "placement.stream" { budget = 2 * MiB },

  prompts "models/kjv-prompts.txt" { limit = 2 },
  sample  { temperature = 0, length = 64 },
  measure { warmup = 1, repeats = 3 },
}
