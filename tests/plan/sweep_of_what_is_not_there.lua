return sweep {
  of "infer/none",
  seeds { 1 },
}
