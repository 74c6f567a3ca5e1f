return sweep {
  of "all_at_once",
  seeds { 1, 2 },
}
