#!/usr/bin/env python3
"""compare.py - ridge and llama.cpp in turn on the same files: ratios with intervals.

    RIDGE_PEER_DIR=~/peer tests/bench/compare.py MODEL.gguf ...

Each round measures every case once with the one and once with the other, in alternating
order, so that what drifts meets both.  ridge's side are runs in a catalog; the peer's
figures go to a JSON file beside it, with the numbers of the runs they were paired with.
README.md here says what the figures mean and what they do not.
"""

import argparse
import ctypes
import glob
import json
import mmap
import os
import subprocess
import sys
import tempfile
import time

import ranks

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SUITES = ("speed", "batch", "depth", "start")

# kind of case -> ratio that must be reached, ratio to aim at, and the share of the
# machine's limit that counts as reaching the one or the other (None: none).
TARGETS = {
    "prefill, floats": dict(must=1.0, aim=None, must_share=0.75, aim_share=0.88),
    "prefill, quantized": dict(must=1.1, aim=None, must_share=None, aim_share=0.88),
    "decode": dict(must=1.05, aim=1.3, must_share=None, aim_share=0.9),
    "batch": dict(must=1.2, aim=1.7, must_share=None, aim_share=None),
    "depth": dict(must=1.1, aim=1.4, must_share=None, aim_share=None),
    "start": dict(must=1.0, aim=None, must_share=None, aim_share=None),
}
FLOATS = ("f16", "bf16", "f32")
PROMPTS = 3  # read by each side in each round

# What is compared when no file is named: shape -> codecs.
DEFAULT_SHAPES = ("tinyllama-1.1b", "llama-160m", "gpt2-124m")
DEFAULT_CODECS = ("f16", "q8_0", "q4_0", "q4_k_m")


class Skip(Exception):
    """A sentence for the person who asked: why there is nothing to compare."""


# --- the two sides --------------------------------------------------------------------


def peer_libraries():
    """The folder with libllama: RIDGE_PEER_DIR itself, or the npm package under it."""
    named = os.environ.get("RIDGE_PEER_DIR")
    if not named:
        raise Skip(
            "skipped: RIDGE_PEER_DIR is not set; `npm install node-llama-cpp` in a folder "
            "and name it there, or name one that holds libllama"
        )
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(os.uname().machine, "?")
    name = f"linux-{machine}"
    package = os.path.join(named, "node_modules", "@node-llama-cpp", name, "bins", name)
    for folder in (named, package):
        if glob.glob(os.path.join(folder, "libllama*.so*")):
            return folder
    raise Skip(f"skipped: there is no libllama in {named}, nor in {package}")


def peer_version(libraries):
    """What the package says of its build; otherwise where the libraries are."""
    try:
        with open(os.path.join(libraries, "_nlcBuildMetadata.json")) as file:
            built = json.load(file)["buildOptions"]["llamaCpp"]
        return f"{built['repo']} {built['release']}"
    except (OSError, KeyError, ValueError):
        return libraries


def build_peer(folder):
    source = os.path.join(HERE, "peer", "llama_peer.c")
    program = os.path.join(folder, "llama_peer")
    compiler = os.environ.get("CC", "cc")
    try:
        done = subprocess.run([compiler, "-O2", "-o", program, source, "-ldl"],
                              capture_output=True, text=True)
    except FileNotFoundError:
        raise Skip(f"skipped: the compiler `{compiler}` is not there")
    if done.returncode != 0:
        raise Skip(f"skipped: {source} cannot be compiled: {done.stderr.strip()}")
    return program


class Peer:
    """One llama.cpp process (peer/llama_peer.c) with one model open."""

    program, libraries = None, None  # set once, by main

    def __init__(self):
        self.process = subprocess.Popen(
            [self.program, self.libraries],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        hello = self.read()
        if "error" in hello:
            raise Skip(f"skipped: the peer cannot be used: {hello['error']}")

    def read(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": "it ended"}

    def ask(self, *words):
        self.process.stdin.write("\t".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        answer = self.read()
        if "error" in answer:
            raise RuntimeError(f"peer: {words[0]}: {answer['error']}")
        return answer

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def write_recipe(path, model, threads, bench, warmup, repeats, used):
    used = "".join(f'  use "{name}" {{}},\n' for name in used)
    bench = ", ".join(f"{name} = {value}" for name, value in bench.items())
    with open(path, "w") as out:
        out.write(
            "-- Measured beside llama.cpp (tests/bench/compare.py).\n"
            "return infer {\n"
            f'  name = "compare-{os.path.basename(model)}",\n'
            f"  model {json.dumps(model)},\n"
            f"{used}"
            f"  engine {{ threads = {threads} }},\n"
            f"  bench {{ {bench} }},\n"
            f"  measure {{ warmup = {warmup}, repeats = {repeats} }},\n"
            "}\n"
        )


def last_object(text):
    for line in reversed(text.splitlines()):
        if line.startswith("{"):
            return json.loads(line)
    return None


class Ridge:
    def __init__(self, program, catalog, threads, used=()):
        self.program, self.catalog, self.threads = program, catalog, threads
        self.used = used  # strategies, with their defaults

    def call(self, *words):
        done = subprocess.run(
            [self.program, *words, "--catalog", self.catalog, "--json"],
            capture_output=True,
            text=True,
        )
        return done, last_object(done.stdout)

    def run(self, model, bench, warmup=1, repeats=1):
        with tempfile.TemporaryDirectory(prefix="ridge-compare-") as folder:
            recipe = os.path.join(folder, "bench.lua")
            write_recipe(recipe, model, self.threads, bench, warmup, repeats, self.used)
            done, answer = self.call("run", recipe)
        if done.returncode != 0 or answer is None:
            raise RuntimeError(f"ridge: exit {done.returncode}: {done.stderr.strip()}")
        return answer

    def probe(self):
        """The machine's limits of this moment: a clock wanders by a fifth in an hour."""
        done, _ = self.call("probe", "--seconds", "1", "--threads", str(self.threads))
        if done.returncode != 0:
            raise RuntimeError(f"ridge probe: exit {done.returncode}: {done.stderr.strip()}")

    def share_of_limit(self, run, phase, compute):
        """Of the FMA peak, or of the bandwidth of memory."""
        _, shown = self.call("show", str(run), "--roofline")
        roofline = (shown or {}).get("roofline", {})
        for row in roofline.get("phases", []):
            if row["phase"] != phase or "flops" not in roofline:
                continue
            if compute:
                return row["all"]["flops"] / row["step_seconds"] / roofline["flops"]
            memory = [x for x in roofline["levels"] if x["level"] == "memory"]
            return row["all"]["bytes"] / row["step_seconds"] / memory[0]["bandwidth"]
        raise RuntimeError(f"ridge: run {run} has no roofline of a {phase}")


# --- cases ----------------------------------------------------------------------------


def codec_of(model):
    stem = os.path.basename(model).lower().rsplit(".", 1)[0]
    known = (
        "bf16 f16 f32 q8_0 q4_0 q4_1 q5_0 q5_1 q2_k q3_k q4_k q5_k q6_k iq4_nl iq4_xs "
        "mxfp4"
    ).split()
    found = [name for name in known if name in stem]
    return max(found, key=len) if found else "?"


class Case:
    """One line of the table: what both sides do in a round."""

    def __init__(self, name, kind, model, prefill=0, decode=0, batch=1, depth=0):
        self.name, self.kind, self.model = name, kind, model
        self.prefill, self.decode, self.batch, self.depth = prefill, decode, batch, depth
        self.ours, self.theirs, self.runs = [], [], []
        self.their_cpu, self.shares, self.failed = [], [], None
        # A prompt takes a moment, and a moment can be anything: the middle one of some.
        self.repeats = PROMPTS if prefill else 1

    def measure_ridge(self, ridge):
        if self.has_share():
            ridge.probe()
        bench = dict(prefill=self.prefill, decode=self.decode, depth=self.depth,
                     batch=self.batch)
        answer = ridge.run(self.model, bench, repeats=self.repeats)
        metric = "prefill_tps" if self.prefill else "decode_tps"
        self.ours.append(answer["metrics"][metric])
        self.runs.append(answer["run"])
        if self.has_share():
            phase = "prompt" if self.prefill else "decode"
            self.shares.append(ridge.share_of_limit(answer["run"], phase, bool(self.prefill)))

    def has_share(self):
        """Is there one limit to set it beside?"""
        return self.kind == "decode" or self.prefill > 0

    @property
    def share(self):
        return ranks.median(self.shares) if self.shares else None

    def measure_peer(self, peer):
        if self.prefill:
            words, tokens = ("prefill", self.prefill), self.prefill
        else:
            words = ("decode", self.decode, self.batch, self.depth)
            tokens = self.decode * self.batch
        answers = [peer.ask(*words) for _ in range(self.repeats)]
        answer = {what: ranks.median([a[what] for a in answers])
                  for what in ("seconds", "cpu")}
        self.theirs.append(tokens / answer["seconds"])
        self.their_cpu.append(tokens / answer["cpu"] if answer["cpu"] > 0 else None)


def cases_of(model, suites, args):
    floats = codec_of(model) in FLOATS
    kind = "prefill, floats" if floats else "prefill, quantized"
    cases = []
    if "speed" in suites:
        cases.append(Case(f"prefill {args.prefill}", kind, model, prefill=args.prefill))
        cases.append(Case(f"decode {args.decode}", "decode", model, decode=args.decode))
    if "batch" in suites:
        for batch in (2, 4, 8, 16):
            cases.append(Case(f"decode, batch {batch}", "batch", model,
                              decode=args.decode // 2, batch=batch))
    if "depth" in suites:
        for depth in (1024, 4096):
            cases.append(Case(f"decode at {depth}", "depth", model,
                              decode=args.decode // 2, depth=depth))
    return cases


def rooms_of(cases, args):
    """Context and sequences that the peer needs for all cases of a model."""
    context = max([args.prefill] + [c.depth + c.decode for c in cases]) + 64
    return context, max([1] + [c.batch for c in cases])


def measure_round(cases, ridge, peer, number):
    for case in cases:
        if case.failed:
            continue
        sides = [lambda: case.measure_ridge(ridge), lambda: case.measure_peer(peer)]
        if number % 2:
            sides.reverse()
        try:
            for side in sides:
                side()
        except RuntimeError as error:  # it cannot be done: said once, in the table
            case.failed = str(error).splitlines()[0]
            n = min(len(case.ours), len(case.theirs))
            del case.ours[n:], case.theirs[n:]


def measure_speeds(model, suites, ridge, args, say):
    cases = cases_of(model, suites, args)
    if not cases:
        return []
    context, sequences = rooms_of(cases, args)
    peer = Peer()
    try:
        peer.ask("open", model, ridge.threads, context, sequences)
        for case in cases:  # llama.cpp's first step of a kind allocates
            if case.kind != "depth":
                Case("", "", model, case.prefill, min(case.decode, 4),
                     case.batch).measure_peer(peer)
        for number in range(args.rounds):
            say(f"{os.path.basename(model)}, {ridge.threads} threads: round {number + 1} "
                f"of {args.rounds}")
            measure_round(cases, ridge, peer, number)
    except RuntimeError as error:  # not even opened
        for case in cases:
            case.failed = case.failed or str(error)
    finally:
        peer.close()
    return cases


# --- from nothing to the first token ---------------------------------------------------


def share_cached(path):
    """How much of a file is in the page cache; None where that cannot be told."""
    size = os.path.getsize(path)
    libc = ctypes.CDLL(None, use_errno=True)
    with open(path, "rb") as file, mmap.mmap(file.fileno(), size, mmap.MAP_PRIVATE,
                                             mmap.PROT_READ | mmap.PROT_WRITE) as view:
        pages = (size + mmap.PAGESIZE - 1) // mmap.PAGESIZE
        there = (ctypes.c_ubyte * pages)()
        holder = ctypes.c_char.from_buffer(view)
        failed = libc.mincore(ctypes.c_void_p(ctypes.addressof(holder)),
                              ctypes.c_size_t(size), there)
        del holder
    return None if failed else sum(byte & 1 for byte in there) / pages


def make_cold(path):
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def make_warm(path):
    with open(path, "rb") as file:
        while file.read(1 << 24):
            pass


class Start:
    """Time to the first token after a short prompt, and the most memory meanwhile."""

    PROMPT = 16

    def __init__(self, model, cold):
        self.model, self.cold = model, cold
        self.ours, self.theirs, self.runs = [], [], []
        self.our_memory, self.their_memory, self.left_cached = [], [], []

    def prepare(self):
        (make_cold if self.cold else make_warm)(self.model)
        if self.cold:
            self.left_cached.append(share_cached(self.model))

    def measure_ridge(self, ridge):
        self.prepare()
        bench = dict(prefill=self.PROMPT, decode=0, depth=0, batch=1)
        answer = ridge.run(self.model, bench, warmup=0)
        m = answer["metrics"]
        self.ours.append((m["plan_ms"] + m["load_ms"] + m["first_token_ms"]) / 1e3)
        self.our_memory.append(m["peak_rss_bytes"])
        self.runs.append(answer["run"])

    def measure_peer(self, threads):
        peer = Peer()
        try:
            self.prepare()
            opened = peer.ask("open", self.model, threads, 512, 1)
            first = peer.ask("prefill", self.PROMPT)
            memory = peer.ask("memory")
        finally:
            peer.close()
        self.theirs.append(opened["seconds"] + first["seconds"])
        self.their_memory.append(memory["peak"] - memory["before"])


def measure_starts(model, ridge, args, say):
    starts = [Start(model, cold=False), Start(model, cold=True)]
    for number in range(args.rounds):
        say(f"{os.path.basename(model)}, {ridge.threads} threads: start {number + 1} of "
            f"{args.rounds}")
        for start in starts:
            sides = [lambda: start.measure_ridge(ridge),
                     lambda: start.measure_peer(ridge.threads)]
            if number % 2:
                sides.reverse()
            for side in sides:
                side()
    return starts


# --- verdicts and tables ----------------------------------------------------------------


def verdict(target, estimate, lo, share=None, own_floats=None):
    """ "aim", "must" or "below"; "?" after it when the interval reaches below that."""
    if target is None:
        return "-"

    def reaches(value, ratio, wanted_share, either):
        by_ratio = ratio is not None and value >= ratio
        by_share = wanted_share is not None and share is not None and share >= wanted_share
        if either:
            return by_ratio or by_share
        return by_ratio and (wanted_share is None or by_share)

    def level(value):
        must = reaches(value, target["must"], target["must_share"], False)
        must = must and (own_floats is None or own_floats >= 1)
        aim = must and reaches(value, target["aim"], target["aim_share"], True)
        return "aim" if aim else "must" if must else "below"

    best = level(estimate)
    sure = lo is not None and level(lo) == best
    return best if sure or best == "below" else best + " ?"


def figure(x, digits=3):
    return "-" if x is None else f"{x:.{digits}g}"


def interval(estimate, lo, hi):
    if lo is None:
        return f"{estimate:.3f}"
    return f"{estimate:.3f} [{lo:.3f}, {hi:.3f}]"


def target_words(target):
    if target is None:
        return "-", "-"
    must = f"{target['must']:g}"
    if target["must_share"]:
        must += f" and {target['must_share']:.0%} of peak"
    aim = [] if target["aim"] is None else [f"{target['aim']:g}"]
    if target["aim_share"]:
        aim.append(f"{target['aim_share']:.0%} of the limit")
    return must, " or ".join(aim) or "better"


def float_sibling(case, cases):
    """The same model's prefill in 16 bits, if it was measured too."""
    stem = os.path.basename(case.model).lower().replace(codec_of(case.model), "*")
    for other in cases:
        same = os.path.basename(other.model).lower().replace(codec_of(other.model), "*")
        if other.kind == "prefill, floats" and same.split("*")[0] == stem.split("*")[0]:
            return other
    return None


def case_row(case, cases, threads):
    head = [os.path.basename(case.model), str(threads), case.name]
    if not case.ours:
        return head + ["-"] * 6 + [case.failed or "not measured"], None
    estimate, lo, hi = ranks.ratio(case.ours, case.theirs)
    target = TARGETS[case.kind] if case.depth in (0, 4096) else None
    own = None
    sibling = float_sibling(case, cases) if case.kind == "prefill, quantized" else None
    if sibling is not None and sibling.ours:
        own = ranks.median(case.ours) / ranks.median(sibling.ours)
    word = verdict(target, estimate, lo, case.share, own)
    if own is not None and own < 1:
        word += f" ({own:.2f} of its own floats)"
    must, aim = target_words(target)
    row = head + [figure(ranks.median(case.ours), 4), figure(ranks.median(case.theirs), 4),
                  interval(estimate, lo, hi),
                  "-" if case.share is None else f"{case.share:.0%}", must, aim, word]
    kept = dict(model=case.model, threads=threads, case=case.name, kind=case.kind,
                ridge=case.ours, peer=case.theirs, peer_cpu=case.their_cpu, runs=case.runs,
                ratio=estimate, lo=lo, hi=hi, share=case.share, verdict=word)
    return row, kept


def start_rows(start, threads):
    """Time, where the ratio is the peer's over ours, so that more is better; memory alike."""
    rows, kept = [], []
    when = "cold" if start.cold else "warm"
    for what, ours, theirs, unit in (
        (f"first token, {when}", start.ours, start.theirs, "s"),
        (f"peak memory, {when}", start.our_memory, start.their_memory, "MiB"),
    ):
        estimate, lo, hi = ranks.ratio(theirs, ours)
        scale = 1 if unit == "s" else 1 / 2**20
        must, aim = target_words(TARGETS["start"])
        word = verdict(TARGETS["start"], estimate, lo)
        if word.startswith("must") and lo is not None and lo > 1:
            word = "aim"
        rows.append([os.path.basename(start.model), str(threads), what,
                     figure(ranks.median(ours) * scale, 4) + f" {unit}",
                     figure(ranks.median(theirs) * scale, 4) + f" {unit}",
                     interval(estimate, lo, hi), "-", must, aim, word])
        kept.append(dict(model=start.model, threads=threads, case=what, kind="start",
                         ridge=ours, peer=theirs, runs=start.runs, ratio=estimate, lo=lo,
                         hi=hi, left_cached=start.left_cached, verdict=word))
    return rows, kept


TITLES = ["model", "threads", "case", "ridge", "peer", "ratio [95 %]", "of the limit",
          "must", "aim", "verdict"]


def print_table(rows):
    widths = [max(len(row[i]) for row in [TITLES] + rows) for i in range(len(TITLES))]
    for row in [TITLES, ["-" * w for w in widths]] + rows:
        print("| " + " | ".join(c.ljust(w) for c, w in zip(row, widths)) + " |")


# --- models -----------------------------------------------------------------------------


def make(ridge, words, say):
    say(f"ridge {' '.join(words)}")
    done = subprocess.run([ridge, *words], capture_output=True, text=True)
    if done.returncode != 0:
        sentence = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
        raise Skip(f"skipped: `ridge {' '.join(words)}` does not work here ({sentence}); "
                   "name model files")


def made_models(args, say):
    """Random weights of real shapes, made once and kept in `args.made`."""
    folder = os.path.abspath(args.made)
    os.makedirs(folder, exist_ok=True)
    models = []
    for shape in args.shapes:
        base = os.path.join(folder, f"{shape}-f16.gguf")
        if not os.path.exists(base):
            make(args.ridge, ["new-model", base, "--shape", shape, "--random"], say)
        for codec in args.codecs:
            path = os.path.join(folder, f"{shape}-{codec}.gguf")
            if not os.path.exists(path):
                make(args.ridge, ["convert", base, path, "--to", codec], say)
            models.append(path)
    return models


def read_words():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help="GGUF files; without "
                        "any, models of real shapes are made")
    parser.add_argument("--ridge", default=os.path.join(ROOT, "build", "ridge"))
    parser.add_argument("--catalog", default="bench.db", help="ridge's runs; bench.db")
    parser.add_argument("--out", default="bench.json", help="both sides; bench.json")
    parser.add_argument("--made", default="bench-models", help="where models are made")
    parser.add_argument("--shapes", nargs="+", default=DEFAULT_SHAPES, metavar="SHAPE",
                        help="of these, as `ridge new-model --shape` has them")
    parser.add_argument("--codecs", nargs="+", default=DEFAULT_CODECS, metavar="MIX",
                        help="of these mixes, as `ridge convert --to` has them")
    parser.add_argument("--suite", default="speed,batch,depth,start",
                        help="of " + ",".join(SUITES))
    parser.add_argument("--threads", default="2", help="like 1,2")
    parser.add_argument("--rounds", type=int, default=9, help="pairs; below 6 there is no "
                        "interval")
    parser.add_argument("--prefill", type=int, default=512)
    parser.add_argument("--decode", type=int, default=128)
    parser.add_argument("--use", action="append", default=[], metavar="STRATEGY",
                        help="on ridge's side, like graph.fuse; may be given again")
    args = parser.parse_args()
    args.suites = args.suite.split(",")
    for suite in args.suites:
        if suite not in SUITES:
            parser.error(f"--suite: `{suite}` is none of {', '.join(SUITES)}")
    if args.rounds < 1 or args.prefill < 1 or args.decode < 8:
        parser.error("--rounds and --prefill want at least 1, --decode at least 8")
    args.threads = [int(n) for n in args.threads.split(",")]
    return args


def compare(args, say):
    Peer().close()  # before anything is made or measured
    models = [os.path.abspath(m) for m in args.models]
    models = models or made_models(args, say)
    rows, kept = [], []
    for threads in args.threads:
        ridge = Ridge(args.ridge, args.catalog, threads, args.use)
        cases, starts = [], []
        for model in models:
            cases += measure_speeds(model, args.suites, ridge, args, say)
            if "start" in args.suites:
                starts += measure_starts(model, ridge, args, say)
        for case in cases:
            row, facts = case_row(case, cases, threads)
            rows.append(row)
            kept += [facts] if facts else []
        for start in starts:
            more, facts = start_rows(start, threads)
            rows += more
            kept += facts
    return rows, kept


def main():
    args = read_words()

    def say(text):
        print(text, file=sys.stderr, flush=True)

    try:
        Peer.libraries = peer_libraries()
        with tempfile.TemporaryDirectory(prefix="ridge-peer-") as folder:
            Peer.program = build_peer(folder)
            rows, kept = compare(args, say)
    except Skip as reason:
        print(reason)
        return 0
    print_table(rows)
    facts = dict(peer=peer_version(Peer.libraries), ridge=args.ridge, catalog=os.path.abspath(args.catalog),
                 at=int(time.time()), rounds=args.rounds, load=os.getloadavg(), rows=kept)
    with open(args.out, "w") as out:
        json.dump(facts, out, indent=1)
    say(f"{args.out}: both sides, every round; {args.catalog}: ridge's runs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
