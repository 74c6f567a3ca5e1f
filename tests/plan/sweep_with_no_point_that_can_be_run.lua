return sweep {
  of "ok_together",
  vary "sample" { temperature = each { 0 } },
  vary "kv.paged" { block = each { 4, 8, 16, 32, 64 } },
  without "kv.paged",
}
