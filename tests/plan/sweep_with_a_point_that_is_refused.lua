return sweep {
  of "ok_together",
  vary "sample" { temperature = each { 0, 0.8 } },
  without "kv.paged",
}
