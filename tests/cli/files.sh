#!/bin/sh
# Outputs that are not regular files, inputs that are not, and several outputs of one command.
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 1
export RESHIFT_DATA="$work/data"
mkdir data

npy() { # FILE DTYPE SHAPE BYTES: a .npy of version 1, BYTES as printf takes them
    text="{'descr': '$2', 'fortran_order': False, 'shape': ($3), }"
    { printf '\223NUMPY\001\000\166\000%-117s\n' "$text"; printf "$4"; } >"$1"
}
kind() { stat -c %F "$1"; }
is() { [ "$1" = "$2" ] || { echo "found '$1', expected '$2'"; return 1; }; }

# Four rows of two features, two classes.
npy f.npy '<f4' '4, 2' '\000\000\200\077\000\000\000\000\000\000\000\100\000\000\000\000\000\000\000\000\000\000\200\077\000\000\000\000\000\000\000\100'
npy l.npy '|u1' '4,' '\000\000\001\001'
probe() { "$reshift" probe --quiet --train f.npy l.npy --epochs 1 "$@"; }

# ---- outputs ----
check "a probe" 0 "" - probe --out p.safetensors
check "is not replaced unasked" 1 - "'p.safetensors' exists already" probe --out p.safetensors
check "to nowhere, as for timing a command" 0 "" - probe --out /dev/null
holds "which stays a device" is "$(kind /dev/null)" "character special file"
check "with --force, too" 0 "" - probe --out /dev/null --force
holds "which stays a device" is "$(kind /dev/null)" "character special file"
check "a device that is full" 1 "" "No space left on device" probe --out /dev/full
probe --out /dev/stdout >printed.safetensors 2>printed.err
holds "to standard output" cmp printed.safetensors p.safetensors
probe --json --out /dev/stdout 2>printed.err | cat >printed.safetensors
holds "and through a pipe, printed numbers elsewhere" cmp printed.safetensors p.safetensors
holds "on standard error" grep -q '"accuracy\|train' printed.err
mkfifo pipe
check "a pipe that nobody reads" 1 "" "no program reads this pipe" timeout 20 "$reshift" probe --quiet --train f.npy l.npy --epochs 1 --out pipe
cat pipe >through.safetensors &
sleep 0.2
check "a pipe" 0 "" - probe --out pipe --force
wait $!
holds "gets the bytes of a file" cmp through.safetensors p.safetensors
holds "and stays a pipe" is "$(kind pipe)" "fifo"
mkdir far
cp p.safetensors far/old
chmod 640 far/old
ln -s far/old link
check "a link, unasked" 1 - "'link' exists already" probe --out link
check "a link" 0 "" - probe --out link --force --seed 5
holds "stays a link" is "$(kind link)" "symbolic link"
holds "to the new file" sh -c '! cmp -s far/old p.safetensors'
holds "of the old one's mode" is "$(stat -c %a far/old)" 640
check "a folder" 1 - "cannot write 'far': a folder is there" probe --out far --force
long=$(printf 'n%.0s' $(seq 255))
check "a name of 255 bytes" 0 "" - probe --out "$long"
holds "is there" test -s "$long"
holds "nothing temporary stays" clean .

# ---- several outputs of one command ----
check "two outputs" 0 "" - probe --out a.safetensors --history a.csv
: >b.csv
check "one of two exists" 1 - "'b.csv' exists already" probe --out b.safetensors --history b.csv
holds "the other is not written" absent b.safetensors
check "one of two cannot be written" 1 "" "/dev/full" probe --out c.safetensors --history /dev/full
holds "the other is not written" absent c.safetensors
holds "nothing temporary stays" clean .
: >d.safetensors.reshift-part # of a process that was killed
check "what a killed process left" 0 "" - probe --out d.safetensors
holds "is gone" clean .
touch e.safetensors.part.abc123
check "what others left" 0 "" - probe --out e.safetensors
holds "stays" test -e e.safetensors.part.abc123

# ---- inputs ----
for words in "inspect pipe" "predict --weights p.safetensors pipe" "probe --train pipe l.npy --out x" "probe --train f.npy pipe --out x" \
    "eval --weights pipe --data demo" "run pipe" "sweep pipe" "pca --features pipe pipe --out x" "extract --weights x --data npy:pipe,pipe --out x" \
    "export --weights pipe --out x.onnx" "report pipe" "extract --weights pipe --data demo --out x"; do
    # shellcheck disable=SC2086
    timeout 20 "$reshift" $words >words.out 2>words.err </dev/null
    status=$?
    cat words.err >"$work.said"
    [ $status = 1 ] || [ $status = 2 ]
    holds "does not wait for a pipe: $words (status $status)" test $status = 1 -o $status = 2
done
check "says what it found" 1 - "expected a file, found a pipe" "$reshift" inspect pipe
check "a pipe of the shell" 1 - "expected a file, found a pipe" sh -c 'cat l.npy | "$1" probe --train f.npy /dev/stdin --out x' sh "$reshift"
check "inspect goes on after a file it cannot read" 1 "[4,2]" "cannot read 'pipe'" "$reshift" inspect pipe f.npy
check "in JSON, too" 1 '"float32"' "cannot read 'pipe'" "$reshift" inspect --json pipe f.npy
check "a table called an array" 2 - "--out 'x.csv': what is written is .npy" "$reshift" extract --weights x --data demo --out x.csv

# ---- one process per corruption, all into one folder ----
processes=
for name in gaussian_noise shot_noise impulse_noise speckle_noise brightness contrast; do
    "$reshift" corrupt --quiet --threads 1 --data demo --limit 300 --corruption $name --out shared >$name.out 2>$name.err &
    processes="$processes $!"
done
failed=0
for process in $processes; do wait $process || failed=$((failed + 1)); done
cat ./*_noise.err >"$work.said"
holds "none of six parallel processes fails" test $failed = 0
holds "and all files are there" test "$(ls shared | wc -l)" = 7
holds "with nothing temporary" clean shared
finish
