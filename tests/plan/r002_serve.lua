return serve {
  listen = "127.0.0.1:8080",
  model "files/model.gguf",
  limits { queue = 4 },
  promise { first_token = 400 * ms },
}
