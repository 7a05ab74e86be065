#!/usr/bin/env bash
# fuzz.sh SECONDS [NAME...]: builds the fuzzers (clang, ASan, UBSan), runs each
# for SECONDS, two at a time, and prints "N passed, N failed" last. Without
# names: all of tests/fuzz.
set -uo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:?seconds}
shift
folder=$PWD/build/fuzz
export CCACHE_SLOPPINESS=pch_defines,time_macros
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
if [ ! -f "$folder/build.ninja" ]; then
  mkdir -p "$folder"
  # The product's own warnings are g++'s and clang's in other builds; here only
  # the instrumented code counts.
  flags="['-fsanitize=fuzzer-no-link','-DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION']"
  CXX=clang++-19 CC=clang-19 meson setup "$folder" -Db_sanitize=address,undefined \
    -Db_lundef=false -Doptimization=1 -Ddebug=true "-Dcpp_args=$flags" \
    >"$folder/setup.log" 2>&1 || { tail -20 "$folder/setup.log"; exit 3; }
fi
names=("$@")
if [ ${#names[@]} = 0 ]; then
  names=(segment_reader bitmap dictionary sketch json_decoder event_decoders sql model)
fi
targets=(tests/fuzz/make_seeds)
for name in "${names[@]}"; do targets+=("tests/fuzz/${name}_fuzz"); done
ninja -C "$folder" "${targets[@]}" | tail -1 || exit 3
mkdir -p "$folder/corpus" "$folder/artifacts"
"$folder/tests/fuzz/make_seeds" "$folder/seeds" || exit 3
python3 tests/fuzz/sql_seeds.py "$folder/seeds/sql_fuzz" || exit 3

run_one() {  # NAME
  local name=$1 log="$folder/$1.log"
  mkdir -p "$folder/corpus/$name" "$folder/seeds/${name}_fuzz"
  "$folder/tests/fuzz/${name}_fuzz" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
    -artifact_prefix="$folder/artifacts/$name-" \
    "$folder/corpus/$name" "$folder/seeds/${name}_fuzz" >"$log" 2>&1
}

passed=0 failed=0
while [ ${#names[@]} -gt 0 ]; do
  running=()
  for name in "${names[@]:0:2}"; do
    run_one "$name" &
    running+=("$!:$name")
  done
  names=("${names[@]:2}")
  for entry in "${running[@]}"; do
    name=${entry#*:}
    if wait "${entry%%:*}"; then
      passed=$((passed + 1))
      echo "-- $name: $(sed -n 's/^stat::number_of_executed_units: *//p' \
        "$folder/$name.log") inputs"
    else
      failed=$((failed + 1))
      echo "-- $name failed:"
      grep -aE -m3 'ERROR|runtime error|SUMMARY' "$folder/$name.log"
      grep -aE -A12 -m1 '^ *#0' "$folder/$name.log"
    fi
  done
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
