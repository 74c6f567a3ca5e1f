return { model = "files/model.gguf" }
