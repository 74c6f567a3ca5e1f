/*
 * peer.mjs - llama.cpp, asked by lines: the other side of compare.py.
 *
 *   RIDGE_PEER_DIR=/somewhere node peer.mjs        (npm install node-llama-cpp there)
 *
 * One JSON object a line comes in, one goes out:
 *   {"op":"open","model":F,"threads":N,"context":N,"sequences":N}   -> {"seconds", "version"}
 *   {"op":"prefill","tokens":N}                    -> {"seconds","cpu"}  one prompt
 *   {"op":"decode","tokens":N,"batch":B,"depth":D} -> {"seconds","cpu"}  B sequences
 *   {"op":"memory"}                                -> {"peak","before"}  bytes resident
 * What fails answers {"error":text}.
 *
 * Times are of llama.cpp's decode calls alone: no sampling, no text.  The calls go to the
 * package's own bindings, below its public interface, because that one queues, samples and
 * wraps every token; a version whose bindings look different is refused.
 */
import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";
import {readFileSync} from "node:fs";
import {createInterface} from "node:readline";

const PROMPT_PIECE = 512;
let context = null;
let opened = null; // {model, threads, context, sequences}
let before = 0;

async function load() {
  const directory = process.env.RIDGE_PEER_DIR;
  if (!directory) throw new Error("RIDGE_PEER_DIR is not set");
  const require = createRequire(directory + "/package.json");
  const {getLlama, LlamaLogLevel} = await import(
    pathToFileURL(require.resolve("node-llama-cpp")).href);
  const llama = await getLlama({gpu: false, build: "never", skipDownload: true,
                                logLevel: LlamaLogLevel.error});
  const bindings = llama._bindings;
  if (!bindings?.AddonModel || !bindings?.AddonContext)
    throw new Error("this node-llama-cpp has other bindings inside; 3.22 is known to work");
  return {llama, bindings};
}

function resident(field) {
  const status = readFileSync("/proc/self/status", "utf8");
  return 1024 * Number(new RegExp(field + ":\\s*(\\d+)").exec(status)[1]);
}

/* Numbers of tokens do not matter to the time; these are in every vocabulary. */
function tokens(n, salt) {
  return Uint32Array.from({length: n}, (_, i) => 10 + ((i * 7 + salt * 31) % 200));
}

const NONE = new Uint32Array(0);

async function run(pieces) {
  context.initBatch(pieces.reduce((sum, piece) => sum + piece.ids.length, 0));
  for (const piece of pieces)
    context.addToBatch(piece.sequence, piece.at, piece.ids, piece.last
      ? Uint32Array.of(piece.ids.length - 1) : NONE);
  await context.decodeBatch();
}

async function read(sequence, n, wantsLast, salt) {
  const ids = tokens(n, salt);
  for (let at = 0; at < n; at += PROMPT_PIECE) {
    const piece = ids.subarray(at, Math.min(n, at + PROMPT_PIECE));
    await run([{sequence, at, ids: piece, last: wantsLast && at + piece.length === n}]);
  }
}

function clear() {
  for (let i = 0; i < opened.sequences; i++) context.disposeSequence(i);
}

async function timed(body) {
  const cpu = process.cpuUsage(), start = process.hrtime.bigint();
  await body();
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const used = process.cpuUsage(cpu);
  return {seconds, cpu: (used.user + used.system) / 1e6};
}

const operations = {
  async open(ask, {llama, bindings}) {
    before = resident("VmRSS");
    const took = await timed(async () => {
      const model = new bindings.AddonModel(ask.model, {
        addonExports: bindings, gpuLayers: 0, vocabOnly: false, useMmap: true});
      if (!await model.init()) throw new Error("the model was not loaded");
      context = new bindings.AddonContext(model, {
        contextSize: ask.context * ask.sequences, batchSize: PROMPT_PIECE,
        sequences: ask.sequences, flashAttention: "auto", threads: ask.threads});
      if (!await context.init()) throw new Error("no context was made");
    });
    opened = ask;
    const release = llama.llamaCppRelease;
    return {...took, version: `llama.cpp ${release?.release ?? "unknown"}`,
            system: llama.systemInfo};
  },

  async prefill(ask) {
    clear();
    return timed(() => read(0, ask.tokens, true, 1));
  },

  async decode(ask) {
    clear();
    for (let i = 0; i < ask.batch && ask.depth > 0; i++) await read(i, ask.depth, false, i);
    return timed(async () => {
      for (let at = 0; at < ask.tokens; at++)
        await run(Array.from({length: ask.batch}, (_, sequence) => ({
          sequence, at: ask.depth + at, ids: tokens(1, at + sequence), last: true})));
    });
  },

  async memory() {
    return {peak: resident("VmHWM"), before};
  }
};

async function answer(line, peer) {
  const ask = JSON.parse(line);
  const operation = operations[ask.op];
  if (!operation) throw new Error(`no operation ${ask.op}`);
  if (ask.op !== "open" && !context) throw new Error("nothing is open");
  return operation(ask, peer);
}

async function main() {
  let peer;
  try {
    peer = await load();
  } catch (error) {
    console.log(JSON.stringify({error: String(error.message ?? error)}));
    process.exit(1);
  }
  console.log(JSON.stringify({ready: true}));
  for await (const line of createInterface({input: process.stdin})) {
    let reply;
    try {
      reply = await answer(line, peer);
    } catch (error) {
      reply = {error: String(error.message ?? error)};
    }
    console.log(JSON.stringify(reply));
  }
  process.exit(0); // the bindings keep threads
}

await main();
