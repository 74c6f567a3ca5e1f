local t = {}
for i = 1, 3e5 do t[i] = i end
return infer {
  model "files/model.gguf",
  prompts(t),
}
