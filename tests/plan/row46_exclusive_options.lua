return infer {
  model "files/model.gguf",
  use "schedule.static" { batch = 2 },
  use "schedule.continuous" { batch = 4 },
  prompts { "Once" },
}
