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
check "a probe is not replaced without --force" 1 - "'p.safetensors' exists already" probe --out p.safetensors
check "output to /dev/null" 0 "" - probe --out /dev/null
holds "/dev/null stays a device" is "$(kind /dev/null)" "character special file"
check "output to /dev/null with --force" 0 "" - probe --out /dev/null --force
holds "/dev/null stays a device with --force" is "$(kind /dev/null)" "character special file"
check "a device that is full" 1 "" "No space left on device" probe --out /dev/full
probe --out /dev/stdout >printed.safetensors 2>printed.err
holds "output to standard output" cmp printed.safetensors p.safetensors
probe --json --out /dev/stdout 2>printed.err | cat >printed.safetensors
holds "output through a pipe, with messages elsewhere" cmp printed.safetensors p.safetensors
holds "the messages are on standard error" grep -q '"accuracy\|train' printed.err
mkfifo pipe
check "a pipe without a reader" 1 "" "no program reads this pipe" timeout 20 "$reshift" probe --quiet --train f.npy l.npy --epochs 1 --out pipe
cat pipe >through.safetensors &
sleep 0.2
check "output to a pipe" 0 "" - probe --out pipe --force
wait $!
holds "the pipe receives the bytes of the file" cmp through.safetensors p.safetensors
holds "the pipe stays a pipe" is "$(kind pipe)" "fifo"
mkdir far
cp p.safetensors far/old
chmod 640 far/old
ln -s far/old link
check "a link without --force" 1 - "'link' exists already" probe --out link
check "a link with --force" 0 "" - probe --out link --force --seed 5
holds "the link is kept" is "$(kind link)" "symbolic link"
holds "the link points to the new file" sh -c '! cmp -s far/old p.safetensors'
holds "the new file has the mode of the old one" is "$(stat -c %a far/old)" 640
check "a folder" 1 - "cannot write 'far': a folder is there" probe --out far --force
long=$(printf 'n%.0s' $(seq 255))
check "a name of 255 bytes" 0 "" - probe --out "$long"
holds "the file with a name of 255 bytes exists" test -s "$long"
holds "no temporary file remains" clean .

# ---- several outputs of one command ----
check "two outputs" 0 "" - probe --out a.safetensors --history a.csv
: >b.csv
check "one of two exists" 1 - "'b.csv' exists already" probe --out b.safetensors --history b.csv
holds "the other output is not written" absent b.safetensors
check "one of two cannot be written" 1 "" "/dev/full" probe --out c.safetensors --history /dev/full
holds "the other output is not written" absent c.safetensors
holds "no temporary file remains" clean .
: >d.safetensors.reshift-part # of a process that was killed
check "a leftover of a killed process" 0 "" - probe --out d.safetensors
holds "the leftover is removed" clean .
touch e.safetensors.part.abc123
check "a file with a similar name" 0 "" - probe --out e.safetensors
holds "the file with a similar name is kept" test -e e.safetensors.part.abc123

# ---- inputs ----
for words in "inspect pipe" "predict --weights p.safetensors pipe" "probe --train pipe l.npy --out x" "probe --train f.npy pipe --out x" \
    "eval --weights pipe --data demo" "run pipe" "sweep pipe" "pca --features pipe pipe --out x" "extract --weights x --data npy:pipe,pipe --out x" \
    "export --weights pipe --out x.onnx" "report pipe" "extract --weights pipe --data demo --out x"; do
    # shellcheck disable=SC2086
    timeout 20 "$reshift" $words >words.out 2>words.err </dev/null
    status=$?
    cat words.err >"$work.said"
    [ $status = 1 ] || [ $status = 2 ]
    holds "a pipe as input never blocks: $words (status $status)" test $status = 1 -o $status = 2
done
check "the error names what was found" 1 - "expected a file, found a pipe" "$reshift" inspect pipe
check "a pipe created by the shell" 1 - "expected a file, found a pipe" sh -c 'cat l.npy | "$1" probe --train f.npy /dev/stdin --out x' sh "$reshift"
check "inspect continues after an unreadable file" 1 "[4,2]" "cannot read 'pipe'" "$reshift" inspect pipe f.npy
check "inspect continues, in JSON" 1 '"float32"' "cannot read 'pipe'" "$reshift" inspect --json pipe f.npy
check "a table named like an array" 2 - "--out 'x.csv': what is written is .npy" "$reshift" extract --weights x --data demo --out x.csv

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
holds "all files of the parallel processes exist" test "$(ls shared | wc -l)" = 7
holds "no temporary file remains" clean shared
finish
