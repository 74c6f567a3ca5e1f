return sweep {
  of "ok_together",
  without { "kv.paged", "kv.prefix" },
  without "graph.fuse",
}
