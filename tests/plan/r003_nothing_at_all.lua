return infer { }
