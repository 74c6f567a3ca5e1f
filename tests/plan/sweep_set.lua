-- set: sample.length=9
return sweep {
  of "ok_plain",
  vary "sample" { temperature = each { 0, 1 } },
}
