-- How fast does it read and write, with an empty cache and with a full one?
-- Try --set bench.depth=0 beside it.
return infer {
  name = "speed",
  seed = 7,

  model "models/kjv-2m-f16.gguf",

  use "attention.flash",
  use "graph.fuse",

  bench   { prefill = 256, decode = 64, depth = 192 },
  measure { warmup = 2, repeats = 9 },
}
