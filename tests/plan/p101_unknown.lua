return infer {
  model "files/model.gguf",
  use "quantum.annealing" { qubits = 5 },
  prompts { "Once" },
}
