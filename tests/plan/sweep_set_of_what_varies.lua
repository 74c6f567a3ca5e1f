-- set: sample.temperature=9
-- set: seed=3
return sweep {
  of "ok_plain",
  vary "sample" { temperature = each { 0, 1 } },
  seeds { 1, 2 },
}
