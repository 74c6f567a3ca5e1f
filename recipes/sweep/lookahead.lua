-- Which lookahead pays, and does the answer change with the weights?
return sweep {
  name = "lookahead",
  of "quickstart",

  vary "decode.draft" { lookahead = each { 2, 3, 4, 6, 8 } },
  vary "weights.rtn"  { bits = each { 4, 8 } },
  without "weights.rtn",
  without "decode.draft",

  keep   { most "decode_tps", least "perplexity" },
  budget { runs = 20, time = 30 * minutes },
}
