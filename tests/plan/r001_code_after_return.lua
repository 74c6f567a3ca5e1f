return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
local x = 1
