local f = io.open("/etc/passwd")
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
