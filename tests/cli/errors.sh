#!/bin/sh
# Errors from outside the program: missing files, truncated files, full disks, wrong contents. Always one clear message,
# the right exit status, and no partial output.
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 1
export RESHIFT_DATA="$work/data"
mkdir data empty

tiny_study study >study.out 2>study.err || { echo "Bail out! the tiny study failed"; cat study.err; exit 1; }
net=study/weights/finetuned.safetensors
check "features for the tests" 0 "f.npy: 40 rows of 128 features" "" "$reshift" extract --quiet --weights $net --data demo --limit 40 --out f.npy --labels-out l.npy

# missing files
check "experiment missing" 1 - "cannot read the experiment: cannot open 'no.yaml'" "$reshift" run no.yaml
check "weights missing" 1 - "no.pth" "$reshift" extract --weights no.pth --data demo --out x.npy
check "named weights missing" 1 - "hint: " "$reshift" extract --weights resnet50 --data demo --out x.npy
check "data missing" 1 - "cifar" "$reshift" extract --weights $net --data cifar10 --out x.npy
check "folder missing" 1 - "nowhere" "$reshift" eval --weights $net --data folder:nowhere
check "image missing" 1 - "no.jpg" "$reshift" predict --weights $net no.jpg
check "features missing" 1 - "no.npy" "$reshift" probe --train no.npy l.npy --out x.safetensors
pictures=$RESHIFT_SOURCE/tests/formats/golden
check "16-bit grey is reported" 0 "image_I16.png" "warning: 'I.png': 16-bit grey: values above 255 become white" sh -c 'cp "$2" I.png; "$1" predict --weights "$3" --size 32 I.png >out; status=$?; echo image_I16.png; exit $status' sh "$reshift" "$pictures/image_I16.png" $net
check "corruptions that may not be generated" 2 - "'shift.generate': false: no files hold gaussian_blur of 'demo', it can only be made" "$reshift" demo --quiet --set shift.generate=false --out x
check "run missing" 1 - "'nowhere' is no run folder" "$reshift" report nowhere
check "nothing to inspect" 1 - "nowhere" "$reshift" inspect nowhere
check "download unknown" 2 - "cifar99" "$reshift" fetch cifar99
holds "missing inputs leave no output" absent x.npy

# wrong contents
check "data of an unknown kind" 2 - "mnist" "$reshift" eval --weights $net --data mnist
check "corruption unknown" 2 - "gaussian_blurr" "$reshift" eval --weights $net --data demo --corruption gaussian_blurr
check "corruption unknown, with the nearest" 2 - "gaussian_blur'" "$reshift" corrupt --data demo --corruption gaussian_blurr --out x
check "empty folder of images" 1 - "empty" "$reshift" eval --weights $net --data folder:empty
head -c 5000 $net >torn.safetensors
check "truncated weights" 1 - "torn.safetensors" "$reshift" eval --weights torn.safetensors --data demo
echo "not weights" >text.pth
check "weights that are text" 1 - "text.pth" "$reshift" eval --weights text.pth --data demo
: >nothing.pth
check "empty weights file" 1 - "nothing.pth" "$reshift" inspect nothing.pth
head -c 100 f.npy >torn.npy
check "truncated features" 1 - "torn.npy" "$reshift" probe --train torn.npy l.npy --out x.safetensors
check "labels instead of features" 1 - "reshift: " "$reshift" probe --train l.npy f.npy --out x.safetensors
check "labels out of range" 1 - "label" "$reshift" probe --train f.npy l.npy --classes 3 --out x.safetensors
check "labels of another set" 1 - "one for each row" "$reshift" pca --features study/features/original-shift.npy --labels l.npy --out x
check "features of one dimension" 1 - "expected float32 [N,D]" "$reshift" pca --features l.npy --out x
check "a head that does not fit" 1 - "reshift: " "$reshift" eval --weights $net --head $net.no --data demo
check "text as an image" 1 - "text.pth" "$reshift" predict --weights $net text.pth
holds "wrong contents leave no file" absent x.safetensors
holds "wrong contents leave no folder" absent x

# labels of one class; class weights; few columns; names that are not UTF-8
python=/usr/bin/printf # .npy files of a few bytes, version 1
npy() { # FILE DESCR SHAPE BYTES
    header="{'descr': '$2', 'fortran_order': False, 'shape': ($3), }"
    { $python '\223NUMPY\001\000v\000'; printf '%-117s\n' "$header"; $python "$4"; } >"$1"
}
npy one.npy '|u1' '40,' "$(printf '\\003%.0s' $(seq 40))"
for method in adam lbfgs mean neighbours; do
    check "one class by $method" 1 - "expected at least two classes, found class 3 alone in all 40 rows" "$reshift" probe --method $method --train f.npy one.npy --test f.npy one.npy
done
check "balanced classes" 0 "test accuracy" "" "$reshift" probe --quiet --method lbfgs --l2 1 --class-weight balanced --train f.npy l.npy --test f.npy l.npy
check "balanced classes by Adam" 0 "\"train_loss\": " "" "$reshift" probe --quiet --json --epochs 2 --class-weight balanced --train f.npy l.npy --out balanced.safetensors
check "class weights of another count" 1 - "expected a weight a class, float32 or float64 [10], found uint8 [40]" "$reshift" probe --method lbfgs --l2 1 --class-weight one.npy --train f.npy l.npy --test f.npy l.npy
npy column.npy '<f4' '3,1' '\000\000\200\077\000\000\000\100\000\000\240\100'
check "principal component of one column" 0 "100.00 %" "" "$reshift" pca --quiet --features column.npy --out column
check "one component" 0 "f " "" "$reshift" pca --quiet --components 1 --features f.npy --labels l.npy --out onecomponent
holds "one component has no figure" absent onecomponent/pca.png
check "a good file and a bad one" 1 '"shape"' "no.npy" "$reshift" inspect --json f.npy no.npy
cp f.npy "$($python 'f\351.npy')"
check "a name that is not UTF-8" 0 '"features": "f?"' "" "$reshift" pca --quiet --json --features "$($python 'f\351.npy')" --out latin
check "the shortest numbers" 0 '"accuracy": 1.0' "" "$reshift" probe --quiet --json --method neighbours --neighbours 1 --train f.npy l.npy --test f.npy l.npy

check "balanced and top-5 accuracy" 0 "balanced accuracy 100.00 % (mean of the classes' own), top-5 accuracy 100.00 %" "" "$reshift" probe --quiet --method neighbours --neighbours 1 --train f.npy l.npy --test f.npy l.npy
check "logits" 0 "6 rows" "" "$reshift" predict --quiet --logits --weights $net --data demo --limit 6 --out logits.npy
check "logits as a table" 2 - "--logits goes with --out FILE.npy" "$reshift" predict --logits --weights $net --data demo --out logits.csv
check "a leak is refused, not wrong usage" 1 - "the network was trained on" "$reshift" eval --quiet --weights $net --data demo --split train --limit 60

# experiments
printf 'name: a\nprobe:\n  epoch: 3\n' >typo.yaml
check "key unknown" 2 - "experiment 'typo.yaml' line 3: unknown key 'probe.epoch'" "$reshift" run typo.yaml
check "key unknown, with the nearest" 2 - "hint: did you mean 'probe.epochs'?" "$reshift" run typo.yaml
printf 'name: a\n\tprobe: 3\n' >tab.yaml
check "tab" 2 - "line 2: the line is indented with a tab" "$reshift" run tab.yaml
: >empty.yaml
check "an empty experiment is all defaults" 1 - "cannot find weights 'resnet50'" "$reshift" run empty.yaml
printf 'probe: {epochs: many}\n' >type.yaml
check "wrong type" 2 - "line 1: 'probe.epochs': expected a whole number from 1 to 100000, found 'many'" "$reshift" run type.yaml
check "override unknown" 2 - "--set probe.epoch=3: unknown key" "$reshift" demo --set probe.epoch=3
check "override out of range" 2 - "--set shift.severity=9: 'shift.severity': expected a severity" "$reshift" demo --set shift.severity=9
check "block unknown" 2 - "no block 'layer9'" "$reshift" demo --out x --set finetune.train=layer9 --set finetune.lr=0.1
check "an unknown block, with the known names" 2 - "expected some of conv1, layer1, layer2, layer3, layer4, fc, or all" "$reshift" demo --out x --set finetune.train=layer9
check "automatic rates together with others" 2 - "auto chooses the rates of all blocks and stands alone, found 'fc=0.1' beside it" "$reshift" finetune --weights x --data demo --out y --lr auto,fc=0.1
check "no epochs" 2 - "it goes with --batchnorm recalibrate" "$reshift" finetune --weights x --data demo --out y --epochs 0
check "corruption of an experiment" 2 - "hint: " "$reshift" demo --out x --set shift.corruption=blurr
holds "errors create no run folder" absent x

# existing files
cp f.npy kept.npy
check "extract does not overwrite" 1 - "'f.npy' exists already" "$reshift" extract --weights $net --data demo --limit 3 --out f.npy
check "extract suggests --force" 1 - "hint: use --force to replace it" "$reshift" extract --weights $net --data demo --limit 3 --out f.npy
check "labels are not overwritten" 1 - "'l.npy' exists already" "$reshift" extract --weights $net --data demo --limit 3 --out new.npy --labels-out l.npy
check "the table of eval is not overwritten" 1 - "'typo.yaml' exists already" "$reshift" eval --weights $net --data demo --limit 3 --out typo.yaml
check "weights are not overwritten" 1 - "exists already" "$reshift" finetune --weights $net --data demo --limit 10 --epochs 1 --out $net
check "another run is not overwritten" 1 - "holds a run of another experiment: 'seed' was 0 and is 1" tiny_study study --seed 1
check "a folder of other files is not overwritten" 1 - "holds files, but no run" "$reshift" demo --out data/..
holds "existing files are unchanged" cmp -s f.npy kept.npy
holds "refused commands write no new file" absent new.npy
check "extract overwrites with --force" 0 "f.npy: 3 rows" "" "$reshift" extract --quiet --force --weights $net --data demo --limit 3 --out f.npy

# places that cannot be written, full disks
check "a file instead of a folder" 1 - "typo.yaml/x.npy" "$reshift" extract --quiet --weights $net --data demo --limit 3 --out typo.yaml/x.npy
check "a folder that is not writable" 1 - "/proc/" "$reshift" extract --quiet --weights $net --data demo --limit 3 --out /proc/x.npy
check "a run folder that cannot be created" 1 - "cannot make folder" tiny_study /proc/run
check "a missing folder" 1 - "no/such/x.npy" "$reshift" extract --quiet --weights $net --data demo --limit 3 --out no/such/x.npy
check "stdout full" 1 "" "cannot write the result" sh -c '"$1" run --keys >/dev/full' sh "$reshift"
full() { (ulimit -f "$1"; shift; "$@"); }
mkdir disk
check "no room for features" 1 - "File too large" full 8 "$reshift" extract --quiet --weights $net --data demo --limit 500 --out disk/x.npy
check "no room for weights" 1 - "File too large" full 8 "$reshift" finetune --quiet --json --weights $net --data demo --limit 10 --epochs 1 --out disk/x.safetensors
check "no room for a corrupted set" 1 - "File too large" full 8 "$reshift" corrupt --quiet --data demo --corruption gaussian_blur --limit 50 --out disk
holds "a full disk leaves no partial files" test -z "$(ls disk)"
check "no room for a run" 1 - "File too large" full 200 tiny_study disk/run
holds "a full disk leaves no partial files of a run" clean disk/run
tiny_study disk/run >room.out 2>room.err
holds "a run resumes after a full disk" diff -r -x manifest.json -x history study disk/run

# Ctrl-C
"$reshift" demo --quiet --out stopped >stop.out 2>stop.err &
process=$!
while [ ! -f stopped/manifest.json ] && kill -0 $process 2>/dev/null; do sleep 0.1; done
kill -INT $process
wait $process
status=$?
holds "Ctrl-C ends with 130 (found $status)" test $status = 130
holds "Ctrl-C is reported" grep -q "stopped on request" stop.err
holds "Ctrl-C prints a hint to resume" grep -q "hint: the same command goes on" stop.err
holds "Ctrl-C leaves no partial files" clean stopped
finish
