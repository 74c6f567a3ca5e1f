return sweep {
  of "ok_plain",
  seeds { 1 , 2 },
  budget { time = 2 * minutes },
  keep { most "decode_tps" },
}
