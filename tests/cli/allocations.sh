#!/bin/sh
# The n-th allocation fails: the command ends with a message, or its output equals that without a failure. Quick
# commands are tried at every allocation, the study at some.
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
preload=$FAILING_ALLOCATION
cd "$work" || exit 1
export OMP_NUM_THREADS=1

need_allocations "$preload"

# Tests one allocation: prints the problem, or nothing.
try() { # N COMMAND...
    n=$1
    shift
    FAIL_ALLOCATION=$n LD_PRELOAD="$preload" "$@" >out 2>err
    status=$?
    if [ $status -eq 0 ]; then
        cmp -s out expected || echo "allocation $n: another output, exit 0"
    elif [ $status -gt 2 ]; then
        echo "allocation $n: exit $status: $(tail -1 err)"
    elif ! grep -q '^reshift: ' err; then
        echo "allocation $n: exit $status without a message"
    fi
}

every() { # WORDS MOST COMMAND...
    words=$1
    most=$2
    shift 2
    "$@" >expected 2>/dev/null
    FAIL_ALLOCATION=0 FAIL_COUNT_FILE=n LD_PRELOAD="$preload" "$@" >/dev/null 2>&1
    total=$(cat n)
    step=$((total / most + 1))
    n=1
    : >wrong
    while [ $n -le "$total" ]; do
        try $n "$@" >>wrong
        n=$((n + step))
    done
    cat wrong | sed 's/^/# /'
    holds "$words: every ${step}th of $total allocations" test ! -s wrong
}

printf 'experiment: demo\ngrid: {seed: [1, 2], finetune.lr: [auto, 0.01]}\nset: {source: {limit_train: 40}}\n' >sweep.yaml
printf 'name: x\nfinetune: {lr: {layer4: 0.1, fc: 0.2}, train: [layer4, fc]}\n' >x.yaml
every "all keys" 100 "$reshift" run --keys
every "a resolved experiment" 100 "$reshift" run x.yaml --show
every "a sweep file" 60 "$reshift" sweep sweep.yaml --show

tiny_study study >study.out 2>study.err || { echo "Bail out! the tiny study failed"; cat study.err; exit 1; }
every "inspect" 60 "$reshift" inspect --json study/weights/finetuned.safetensors study/features/original-clean.npy
every "probe" 40 sh -c 'rm -f p.safetensors; "$1" probe --quiet --train "$2" "$3" --epochs 1 --out p.safetensors --force >/dev/null && sha256sum p.safetensors' \
    sh "$reshift" study/features/original-clean.npy study/features/clean-labels.npy

# The study itself: the files of a run that succeeded equal those of an undisturbed one.
tiny() { # FOLDER
    "$reshift" demo --quiet --set source.limit_train=40 --set source.limit_test=20 --set pretrain.limit=32 --set pretrain.epochs=1 \
        --set probe.epochs=1 --set finetune.samples=20 --set finetune.epochs=1 --set finetune.monitor=0 --set input.batch=16 --out "$1"
}
tiny whole >/dev/null 2>&1
FAIL_ALLOCATION=0 FAIL_COUNT_FILE=n LD_PRELOAD="$preload" tiny counted >/dev/null 2>&1
total=$(cat n)
: >wrong
for part in 3 11 19 27 35 43 51 59 67 75 83 91 99; do
    n=$((total * part / 100))
    rm -rf part
    FAIL_ALLOCATION=$n LD_PRELOAD="$preload" tiny part >out 2>err
    status=$?
    if [ $status -eq 0 ]; then
        diff -rq -x manifest.json -x history whole part >>wrong
    elif [ $status -gt 2 ] || ! grep -q '^reshift: ' err; then
        echo "allocation $n of $total: exit $status: $(tail -1 err)" >>wrong
    else # the same command goes on, and ends as an undisturbed run
        tiny part >/dev/null 2>&1
        diff -rq -x manifest.json -x history whole part >>wrong
    fi
done
sed 's/^/# /' wrong
holds "a study at 13 of $total allocations" test ! -s wrong
finish
