return sweep {
  vary "kv.paged" { block = each { 1, 2 } },
}
