-- Which lookahead pays, and does the answer change with the weights?
return sweep {
  name = "lookahead",
  of "ok_together",

  vary "decode.draft" { lookahead = each { 2, 3, 4, 6, 8 } },
  vary "weights.rtn"  { group     = each { 32, 64, 128 } },
  without "weights.rtn",
  without "decode.draft",

  seeds  { 1, 2, 3 },
  keep   { least "token_time", least "perplexity" },
  budget { runs = 120, time = 40 * minutes },
}
