return infer {
  prompts { "Once" },
}
