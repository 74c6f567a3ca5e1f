local function wait() repeat until false end

wait()
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
