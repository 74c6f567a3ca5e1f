return sweep {
  of "ok_together",
  vary "kv.paged" { block = eech { 1, 2 } },
}
