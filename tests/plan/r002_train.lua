-- comes later
return train {
  model "files/model.gguf" { fresh = true },
  data "files/text.txt" { split = "train" },
  schedule { steps = 10 },
  stop { after = 30 * minutes },
}
