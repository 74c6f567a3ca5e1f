error("this machine is not for this recipe")
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
