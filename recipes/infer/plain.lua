-- What does the model do by itself: one prompt after the other, weights as they are
-- in the file?  The other recipes are compared with this one.
return infer {
  name = "plain",
  seed = 7,

  model "models/kjv-2m-f16.gguf",

  prompts    "models/kjv-prompts.txt",
  sample     { temperature = 0, length = 128 },
  perplexity { file = "models/kjv-valid.txt", context = 512, chunks = 16 },
  measure    { warmup = 1, repeats = 3 },
}
