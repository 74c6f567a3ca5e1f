return sweep {
  of "ok_plain",
  vary "sample" { temperature = each { 0, 0.5, 1 }, length = each { 8, 16 } },
  vary "engine" { cache = each { "f16", "f32" } },
}
