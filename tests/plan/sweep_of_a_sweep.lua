return sweep {
  of "sweep_seeds",
  seeds { 1, 2 },
}
