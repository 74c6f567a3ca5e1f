return sweep {
  of "ok_plain",
  seeds { 1, 2 },
}
