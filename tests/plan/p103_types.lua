return infer {
  model "files/model.gguf",
  use "weights.rtn" { bits = "4", group = 32.5, only = 7 },
  use "mix.all" { flag = 1, share = "half", count = true, text = { "a" }, choice = 1 },
  sample { temperature = false, length = "128", stop = ".", ignore_end = "yes" },
  prompts { "Once" },
}
