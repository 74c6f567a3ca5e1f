local t, s = {}, "0123456789abcdef"
while true do
  s = s .. s
  t[#t + 1] = s
end
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
