-- Four prompts that begin alike: how much of the reading is done once?
local beginning = "In the beginning God created the heaven and the earth. And the earth was "
  .. "without form, and void; and darkness was upon the face of the deep. And the Spirit "
  .. "of God moved upon the face of the waters. "

return infer {
  name = "shared-beginning",
  seed = 7,

  model "models/kjv-2m-f16.gguf",

  use "kv.paged" { block = 16 },
  use "kv.prefix",

  prompts {
    beginning .. "And God said,",
    beginning .. "And the people",
    beginning .. "Then the king",
    beginning .. "Behold, I will",
  },
  sample  { temperature = 0, length = 64 },
  measure { warmup = 0, repeats = 3 },
}
