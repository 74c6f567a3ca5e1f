return sweep {
  of "ok_together",
  vary "decode.draft" { lookahead = each { 1, 2, 3, 4, 5, 6, 7, 8 } },
  seeds { 1, 2, 3 },
  budget { runs = 20 },
}
