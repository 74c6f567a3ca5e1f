-- Where is the front of size and quality: fewer bits with small groups, or more bits
-- with large ones?
return sweep {
  name = "bits-and-groups",
  of "infer/int8",

  vary "weights.rtn" { bits = each { 4, 8 }, group = each { 32, 64, 128 } },
  without "weights.rtn",

  keep   { least "weight_bytes", least "perplexity", least "kld_mean" },
  budget { runs = 10, time = 15 * minutes },
}
