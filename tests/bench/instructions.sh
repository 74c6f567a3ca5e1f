#!/bin/sh
# Instructions that a product of one generated row takes for each weight, by codec, as
# callgrind counts them: a figure that no other work on the machine disturbs.
#
#   ninja -C build bench_step && tests/bench/instructions.sh [BUILD [CODEC ...]]
#
# Valgrind knows no AVX-512, so these are the AVX2 kernels.
set -eu
build=${1:-build}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- f32 f16 bf16 q8_0 q4_0 q4_1 q5_0 q5_1 q2_k q3_k q4_k q5_k q6_k iq4_nl iq4_xs mxfp4
n=512 k=2048
out=$(mktemp)
trap 'rm -f "$out"' EXIT
export RIDGE_NO_FEATURES="avx512f avx512vnni"
command -v valgrind > /dev/null || { echo "valgrind is not installed"; exit 77; }
for codec; do
  valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no \
    --toggle-collect='run_*_avx2' "$build/bench_step" "$codec" $n $k > /dev/null 2> "$out"
  awk -v codec="$codec" -v weights=$((n * k)) \
    '/Collected/ { printf "%-7s %.3f instructions per weight\n", codec, $NF / weights }' "$out"
done
