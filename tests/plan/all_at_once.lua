-- Every mistake of a recipe, in the order of its lines.
return infer {
  name = "crowded", floor = "exact",
  model "files/model.gguf",

  use "weights.rtn"   { bits = 4, group = 512 },
  use "kv.paged"      { block = 16 },
  use "kv.prefix",
  use "kv.window",
  use "decode.draft"  { model = "files/none.gguf" },
  use "decode.lookup" { ngrm = 3 },
  use "logits.grammer",
  use "logits.top_k"  { k = 10 },

  prompts { "Once" },
  sample { lenght = 3 },
}
