-- A recipe may compute: the result is plain data.
local function rounded(bits)
  return use "weights.rtn" { bits = bits, group = bits * 8 }
end

local texts = {}
for i = 1, 3 do table.insert(texts, ("Number %d"):format(i)) end

local words = { rounded(4), use "graph.fuse" }

return infer {
  name = string.upper("functions"):lower(),
  model("files/" .. "model.gguf"),
  prompts(texts),
  table.unpack(words),
}
