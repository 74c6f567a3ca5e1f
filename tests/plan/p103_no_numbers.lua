return infer {
  model "files/model.gguf",
  use "mix.all" { share = 0/0, count = 1/0, text = nil },
  sample { temperature = -1/0, length = function() end },
  prompts { "Once" },
}
