/*
 * llama_cpp.mjs - perplexity of a text by llama.cpp, through the npm package
 * node-llama-cpp (its prebuilt CPU binary), in llama.cpp's own convention.
 *
 *   node llama_cpp.mjs PEER_DIR MODEL.gguf TEXT CONTEXT CHUNKS
 *
 * PEER_DIR has node_modules/node-llama-cpp.  The text is cut into chunks of CONTEXT
 * tokens, the first of each becomes the beginning-of-text token where the model adds one,
 * and the second half is scored.  The cache is F32 and flash attention off, so that what
 * differs is not a rounded cache.  Prints {"perplexity", "tokens"}.
 */
import {readFileSync} from "node:fs";
import {join} from "node:path";
import {pathToFileURL} from "node:url";

const [peer, path, textPath, contextSize, chunks] = process.argv.slice(2);
const width = Number(contextSize);
const entry = join(peer, "node_modules", "node-llama-cpp", "dist", "index.js");
const {getLlama, LlamaLogLevel} = await import(pathToFileURL(entry).href);

const llama = await getLlama({
    gpu: false, build: "never", skipDownload: true, logLevel: LlamaLogLevel.error, maxThreads: 2
});
const model = await llama.loadModel({modelPath: path, gpuLayers: 0});
const context = await model.createContext({
    contextSize: width, batchSize: width, threads: 2, flashAttention: false,
    experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32"
});
const sequence = context.getSequence();
const addsBos = model.tokens.shouldPrependBosToken;
const ids = [...(addsBos ? [model.tokens.bos] : []), ...model.tokenize(readFileSync(textPath, "utf8"))];

const wanted = {generateNext: {probabilities: true, options: {temperature: 0}}};
let sum = 0, scored = 0;
for (let chunk = 0; chunk < Number(chunks) && (chunk + 1) * width <= ids.length; chunk++) {
    const part = ids.slice(chunk * width, (chunk + 1) * width);
    if (addsBos) part[0] = model.tokens.bos;
    await sequence.clearHistory();
    const input = part.slice(0, -1).map((id, i) => i < width / 2 ? id : [id, wanted]);
    const next = await sequence.controlledEvaluate(input);
    for (let i = width / 2; i < width - 1; i++) {
        sum -= Math.log(next[i].next.probabilities.get(part[i + 1]));
        scored++;
    }
}
console.log(JSON.stringify({perplexity: Math.exp(sum / scored), tokens: scored}));
await llama.dispose();
