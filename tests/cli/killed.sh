#!/bin/sh
# A run that is killed resumes where it stopped and ends with the bytes of an undisturbed one; only the manifest and the
# seconds of the histories may differ. One folder is killed once in every stage, as soon as the previous stage has
# written its file, and resumed each time.
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 1

study() {
    out=$1
    shift
    exec "$reshift" demo --quiet --out "$out" --set source.limit_train=240 --set source.limit_test=50 \
        --set pretrain.limit=256 --set pretrain.epochs=2 --set probe.epochs=3 --set finetune.samples=100 \
        --set finetune.epochs=3 --set finetune.monitor=20 "$@"
}

is_there() { # one of these files, given as a pattern
    for file in $1; do
        [ -e "$file" ] && return 0
    done
    return 1
}

(study whole) >whole.out 2>whole.err || { echo "Bail out! the study failed"; cat whole.err; exit 1; }

killed=0
for mark in 'cut/manifest.json' 'cut/.reshift-parts/*/checkpoint.safetensors' 'cut/weights/pretrained.safetensors' \
    'cut/features/train-clean.npy' 'cut/features/original-clean.npy' 'cut/weights/probe.safetensors' \
    'cut/split/train-rows.npy' 'cut/weights/finetuned.safetensors' 'cut/features/finetuned-clean.npy' \
    'cut/results.json' 'cut/pca/separation.json' 'cut/plots/probe-loss.gp' 'cut/plots/pca.svg'; do
    (study cut) >cut.out 2>cut.err &
    process=$!
    while ! is_there "$mark" && kill -0 $process 2>/dev/null; do sleep 0.01; done
    kill -KILL $process 2>/dev/null
    wait $process 2>/dev/null
    status=$?
    [ $status = 137 ] && killed=$((killed + 1))
    # 137: killed; 0: it finished before the signal arrived
    holds "killed at $mark (status $status)" test $status = 137 -o $status = 0
done
holds "most runs were killed in time ($killed of 13)" test $killed -ge 7
(study cut) >cut.out 2>cut.err
holds "the last run completes" test $? = 0
holds "every file has the bytes of an undisturbed run" diff -r -x manifest.json -x history whole cut
for history in pretrain probe finetune; do
    cut -d, -f1-5 whole/history/$history.csv >whole.csv
    cut -d, -f1-5 cut/history/$history.csv >cut.csv
    holds "the history of $history, except for its seconds" cmp whole.csv cut.csv
done
holds "no partial files remain" clean cut
holds "no intermediate files of stages remain" absent cut/parts
holds "the final output is the same" test -s cut.out

# results computed before the epochs are the same: automatic rates, recalibrated batch norm
before() { study "$1" --set finetune.lr=auto --set finetune.batchnorm=recalibrate; }
(before chosen) >chosen.out 2>chosen.err
holds "a study with automatic rates and recalibrated batch norm" test $? = 0
(before again) >again.out 2>again.err &
process=$!
while ! is_there 'again/split/train-rows.npy' && kill -0 $process 2>/dev/null; do sleep 0.01; done
while ! is_there 'again/.reshift-parts/*/checkpoint.safetensors' && kill -0 $process 2>/dev/null; do sleep 0.01; done
kill -KILL $process 2>/dev/null
wait $process 2>/dev/null
(before again) >again.out 2>again.err
holds "killed in fine-tuning, the run ends with the same bytes" diff -r -x manifest.json -x history chosen again
holds "the automatic rates are the same" sh -c 'for run in chosen again; do cut -d, -f1-5,7- $run/history/finetune.csv >$run.csv; done
    cmp chosen.csv again.csv && head -1 chosen.csv | grep -q "ratio_layer4,lr_layer4,ratio_fc,lr_fc"'

# statistics only
(study still --set finetune.epochs=0 --set finetune.batchnorm=recalibrate) >still.out 2>still.err
holds "a study that only recalibrates batch norm" test $? = 0
holds "no curves without epochs" absent still/plots/finetune-loss.png
holds "the changes are reported" grep -q 'layer4.0.bn1.running_mean,layer4,[0-9]*,[1-9]' still/weights/moved.csv
holds "no weight changed" sh -c '! grep -v running still/weights/moved.csv | cut -d, -f4 | grep "[1-9]"'
(study still --set finetune.epochs=0 --set finetune.batchnorm=recalibrate) >still.out 2>still.err
holds "the run is complete when called again" test $? = 0

# a scheduler's SIGTERM is handled like Ctrl-C
(study asked) >asked.out 2>asked.err &
process=$!
while ! is_there 'asked/.reshift-parts/*/checkpoint.safetensors' && kill -0 $process 2>/dev/null; do sleep 0.01; done
kill -TERM $process
wait $process
status=$?
holds "SIGTERM ends with 143 (found $status)" test $status = 143
holds "SIGTERM is reported" grep -q "stopped on request" asked.err
holds "SIGTERM leaves no partial files" clean asked
finish
