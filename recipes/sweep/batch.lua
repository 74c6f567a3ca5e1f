-- How many sequences at once, and does the size of a cache block matter to it?
return sweep {
  name = "batch",
  of "infer/continuous",

  vary "schedule.continuous" { batch = each { 2, 4, 8 } },
  vary "kv.paged"            { block = each { 16, 64 } },
  without "schedule.continuous",

  seeds  { 1, 2, 3 },
  keep   { most "decode_tps", least "cache_bytes" },
  budget { runs = 30, time = 20 * minutes },
}
