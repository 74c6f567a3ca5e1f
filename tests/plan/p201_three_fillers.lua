return infer {
  model "files/model.gguf",
  use "kv.paged",
  use "kv.ring",
  use "schedule.static",
  use "schedule.continuous",
  prompts { "Once" },
}
