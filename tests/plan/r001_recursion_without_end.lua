local function f(n) return 1 + f(n) end
local n = f(1)
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
