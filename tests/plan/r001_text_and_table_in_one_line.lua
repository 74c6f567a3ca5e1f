return infer { model = "files/model.gguf" {}, use "kv.paged" { block = 16 } }
