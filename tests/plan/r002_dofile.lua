dofile("other.lua")
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
