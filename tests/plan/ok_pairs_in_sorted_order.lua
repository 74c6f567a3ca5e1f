-- Lua's own order changes from run to run; here it never does.
local weights = { zeta = 1, alpha = 2, [10] = 3, [2] = 4, mu = 5 }
local texts = {}
for key, value in pairs(weights) do texts[#texts + 1] = tostring(key) .. value end
return infer {
  model "files/model.gguf",
  prompts(texts),
}
