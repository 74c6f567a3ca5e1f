local m = require "m"
return infer {
  model "files/model.gguf",
  prompts { "Once" },
}
