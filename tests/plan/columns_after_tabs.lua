return infer {
  model "files/model.gguf",
	use "weights.rtn"	{ bits = 99 },
  prompts { "Once" },
}
