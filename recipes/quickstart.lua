-- What are six techniques worth together: on speed, on memory, and on how well the
-- model predicts a text it has not seen?
return infer {
  name = "quickstart",
  seed = 7,

  model "models/kjv-2m-f16.gguf",

  use "weights.rtn"         { bits = 8, group = 32 },
  use "kv.paged"            { block = 16 },
  use "attention.flash"     { tile = 64 },
  use "graph.fuse",
  use "decode.draft"        { model = "models/kjv-draft-f16.gguf", lookahead = 4 },
  use "schedule.continuous" { batch = 8 },

  prompts    "models/kjv-prompts.txt",
  sample     { temperature = 0, length = 128 },
  perplexity { file = "models/kjv-valid.txt", context = 512, chunks = 16 },
  measure    { warmup = 1, repeats = 3 },

  against "infer/plain",
}
