return sweep {
  of "ok_plain",
}
