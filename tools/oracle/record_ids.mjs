// What the library that tokenizer.json files are made for makes of difficult texts.
//
//   npm install tokenizers     (github.com/huggingface/tokenizers, its Node binding)
//   node tools/oracle/record_ids.mjs TEXTS.json DIR...
//
// For each DIR/NAME.json writes DIR/NAME.ids.json: the ids of every text (the "text"
// fields of TEXTS.json's cases), first plain, then with what the post-processor adds.
// The library looks for special tokens in texts always, so these ids are those with
// special texts read as tokens.

import { createRequire } from "node:module";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const require = createRequire(join(process.cwd(), "x.js"));
const { Tokenizer } = require("tokenizers");
const { version } = require("tokenizers/package.json");

const [textsFile, ...folders] = process.argv.slice(2);
const texts = JSON.parse(readFileSync(textsFile, "utf8")).cases
  .map((c) => c.text).filter((t) => t !== undefined);

for (const folder of folders) {
  for (const file of readdirSync(folder).filter((f) => /^[^.]+\.json$/.test(f))) {
    const tokenizer = Tokenizer.fromFile(join(folder, file));
    const cases = [];
    for (const text of texts) {
      const plain = await tokenizer.encode(text, null, { addSpecialTokens: false });
      const whole = await tokenizer.encode(text, null, { addSpecialTokens: true });
      cases.push({ text, plain: plain.getIds(), whole: whole.getIds() });
    }
    const about = `Token ids from the library tokenizers ${version} (its Node binding).`;
    const lines = cases.map((c) => JSON.stringify(c)).join(",\n");
    writeFileSync(join(folder, file.replace(".json", ".ids.json")),
      `{"about":${JSON.stringify(about)},"cases":[\n${lines}\n]}\n`);
    console.log(`${file}: ${cases.length} texts`);
  }
}
