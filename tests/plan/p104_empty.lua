return infer {
  name = "",
  model "",
  prompts { "" },
  sample { stop = { } },
}
