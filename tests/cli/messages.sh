#!/bin/sh
# Messages: exit status 2 or 1 by one rule (CONTRIBUTING.md, "Exit status"), counts of one in the singular, hints that
# fit the command, --help in 80 columns.
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 1
export RESHIFT_DATA="$work/data"
mkdir data
tiny_study study >study.out 2>study.err || { echo "Bail out! the tiny study failed"; cat study.err; exit 1; }
net=study/weights/pretrained.safetensors
tuned=study/weights/finetuned.safetensors
head=study/weights/probe.safetensors
pictures=$RESHIFT_SOURCE/tests/formats/golden
sets=$RESHIFT_SOURCE/tests/datasets/golden
quietly() { command=$1; shift; "$reshift" "$command" --quiet "$@"; }

# Status 2: wrong whatever the files contain, so it is reported before weights, data and outputs are examined.
for data in mnist cifar10: folder: npy: npy:a.npy npy:,b.npy npy:a.npy, demo:x; do
    for command in extract:x calibrate:x finetune:x predict:x.csv eval:x; do
        check "${command%:*} --data '$data'" 2 - "data '$data'" "$reshift" "${command%:*}" --weights nowhere --data "$data" --out "nowhere/${command#*:}"
    done
    check "corrupt --data '$data'" 2 - "data '$data'" "$reshift" corrupt --data "$data" --corruption fog --out nowhere/x
    check "bench --data '$data'" 2 - "data '$data'" "$reshift" bench extract --data "$data"
    check "run --set source.data='$data'" 2 - "'source.data': data '$data'" "$reshift" demo --out nowhere/x --set source.data="'$data'"
done
check "an unknown split" 2 - "split 'val': expected train or test" "$reshift" extract --weights nowhere --data demo --split val --out x.npy
for data in demo cifar10 folder:nowhere npy:a.npy,b.npy imagenet-c; do
    check "nothing published of $data" 2 - "'$data': no checksums of its files are published" "$reshift" eval --weights nowhere --data $data --verify
done
check "verification of files that are not published" 1 - "nowhere" "$reshift" eval --weights nowhere --data cifar10-c --verify

# Status 1: valid by itself, but not with these files.
table() { quietly eval --weights $net --head $head --data demo --limit 20 "$@"; }
check "a sample larger than the set" 1 - "a sample of 21 images: " table --sample 21
check "a sample smaller than the classes" 1 - "a sample of 1 image: expected at least one of each of " table --sample 1
quietly finetune --weights $net --head $head --data demo --split test --limit 20 --epochs 1 --train fc --lr fc=1e-3 --out seen.safetensors >seen.out
check "no unseen image remains" 1 - "training has seen all of the 20 images" quietly eval --unseen --weights seen.safetensors --data demo --limit 20
check "one image, seen" 1 - "training has seen all of the 1 image: none is left" quietly eval --unseen --weights seen.safetensors --data demo --limit 1
check "a head of another size" 1 - "was trained on images of 32x32, --size is 64" table --size 64
check "an image number beyond the set" 1 - "row 2000: expected 0 to 1999" quietly corrupt --data demo --image 2000 --sheet x.png
check "more training rows than there are" 1 - "51 training rows: " quietly finetune --weights $net --data demo --limit 50 --samples 51 --out x.safetensors
check "more training rows than available, in an experiment" 1 - "'finetune.samples': 5000 training rows" tiny_study many --set finetune.samples=5000
check "no rows to hold out" 1 - "not even one image to hold out" quietly finetune --weights $net --data demo --limit 3 --validation 0.1 --out x.safetensors
for rows in 1 20; do
    quietly extract --weights $net --data demo --limit $rows --out f$rows.npy --labels-out l$rows.npy >f$rows.out 2>&1
done
check "more neighbours than rows" 1 - "neighbours: expected 1 to 20 of them, found 21" quietly probe --method neighbours --neighbours 21 --train f20.npy l20.npy --test f20.npy l20.npy
check "fewer images than five batches" 1 - "expected at least 640 images, five batches, found 3" quietly bench extract --weights $net --batch 128 --data "npy:$sets/npz-xy.npz"
check "several arrays in an archive" 1 - "expected one array, found several" "$reshift" pca --features "$pictures/npz_three.npz" --out x
check "a missing array of an archive" 1 - "has no array 'none'" "$reshift" pca --features "$pictures/npz_three.npz#none" --out x
check "several pairs in an archive" 1 - "which arrays are images and labels?" quietly extract --weights $net --data "npy:$sets/npz-two.npz" --out x.npy
check "an archive with one pair" 0 "x.npy: 3 rows" - quietly extract --weights $net --data "npy:$sets/npz-xy.npz" --out x.npy
check "an archive with a pair of the split" 0 "x.npy: 4 rows" - quietly extract --force --weights $net --data "npy:$sets/npz-keras.npz" --split train --out x.npy

# Counts of one.
said() { "$@" >>said.out 2>&1; }
said cat f1.out
said "$reshift" predict --weights $net --data demo --limit 1 --out p.npy
said "$reshift" predict --weights $tuned --head $head --data demo --limit 1 --out p.csv
said "$reshift" predict --logits --weights $net --data demo --limit 1 --out p2.npy
said "$reshift" eval --weights $net --head $head --data demo --limit 1 --adapt bn --batch 1
said "$reshift" eval --weights $net --head $head --data demo --limit 1 --corruption fog --severity 1 --adapt bn --adapt-source 1 --out one
said "$reshift" eval --weights $net --head $head --data demo --limit 1 --corruption fog --severity 1 --adapt bn --adapt-source 1 --out one --force
said "$reshift" eval --weights seen.safetensors --data demo --limit 1
said "$reshift" eval --weights seen.safetensors --data demo --limit 1 --allow-leak
said "$reshift" eval --unseen --weights seen.safetensors --data demo --limit 21
said "$reshift" eval --weights $net --against $net --head $head --against-head $head --data demo --limit 1
said "$reshift" finetune --weights $net --data demo --limit 1 --epochs 2 --train fc --lr 1e-3 --batchnorm recalibrate --out one.safetensors
said "$reshift" finetune --weights $net --data demo --limit 2 --validation 0.5 --epochs 2 --train fc --lr 1e-3 --out two.safetensors
said "$reshift" finetune --weights $net --data demo --limit 2 --samples 1 --epochs 2 --train fc --lr 1e-3 --out three.safetensors
said "$reshift" calibrate --weights $net --data demo --limit 1 --out c.safetensors
said "$reshift" pca --features f1.npy --out pca1
said "$reshift" pca --features f20.npy --components 1 --out pca2
said "$reshift" probe --train f1.npy l1.npy --out probe.safetensors
said "$reshift" probe --method mean --train f20.npy l20.npy --test f1.npy l1.npy
said "$reshift" probe --method lbfgs --l2 1 --train f20.npy l20.npy --test f1.npy l1.npy
said "$reshift" export --weights one.safetensors --out one.onnx
said "$reshift" corrupt --data demo --limit 1 --corruption fog --severity 1 --out C
said "$reshift" inspect f1.npy l1.npy one.safetensors
said "$reshift" bench corruptions --corruption fog --threads 1 --data "npy:$sets/npz-test-alone.npz"
nouns='rows|images|classes|columns|components|features|threads|cells|steps|epochs|files|versions|tensors|outputs|groups|statistics|labels|bytes|corruptions|severities|batches|values|seconds'
holds "the messages were collected" test "$(wc -l <said.out)" -gt 60
holds "counts of one are singular" sh -c '! grep -nE "(^|[^0-9.,/x-])1 ($1)([^a-z]|\$)" said.out' sh "$nouns"

# Hints fit the command that is run and the error.
printf '{' >study/manifest.json
check "report of a damaged manifest" 1 - "hint: 'reshift run EXPERIMENT' does the study again" "$reshift" report study
holds "the report does not mention a missing --out" sh -c '! grep -q -e "--out" "$1"' sh "$work.err"
check "a comma inside braces" 2 - "hint: in YAML's { } and [ ] a comma ends a value" sh -c 'echo "source: {data: npy:a.npy,b.npy}" >comma.yaml; "$1" run comma.yaml --show' sh "$reshift"
printf 'experiment: demo\ngrid: {source.data: npy:a.npy,b.npy}\n' >comma-grid.yaml
check "a comma in a grid" 2 - "hint: in YAML's { } and [ ] a comma ends a value" "$reshift" sweep comma-grid.yaml --show
printf 'experiment: demo\ngrid: {source.data: [npy:a.npy,b.npy]}\n' >comma-list.yaml
check "a comma in a list" 2 - "hint: in YAML's { } and [ ] a comma ends a value" "$reshift" sweep comma-list.yaml --show
size=$(stat -c %s $net)
head -c $((size - 1000)) $net >cut.safetensors
check "truncated weights" 1 - "hint: 1000 bytes are missing at its end: download or copy it again" "$reshift" export --weights cut.safetensors --out x.onnx
head -c 5000 $net >cut.safetensors
check "weights truncated in the header" 1 - "bytes are missing at its end: download or copy it again" "$reshift" export --weights cut.safetensors --out x.onnx
head -c 300 "$pictures/torch_deflated.pth" >cut.pth
check "a truncated checkpoint of PyTorch" 1 - "hint: download or copy it again" "$reshift" export --weights cut.pth --out x.onnx
tune() { quietly finetune --weights $net --data demo --limit 20 --epochs 2 --train fc --lr 1e-3 --checkpoint kept --out "$@"; }
tune t.safetensors >tune.out
head -c 3000 kept >kept2 && mv kept2 kept
check "a truncated checkpoint of fine-tuning" 1 - "hint: use --force to start again from the first epoch and replace it" tune t2.safetensors
check "augmentation keeps no activations" 0 "" "their output for training images is not kept" "$reshift" finetune --weights $net --data demo --limit 20 --epochs 2 --train fc --lr 1e-3 --augment flip --cache cache --out t3.safetensors
holds "no other message about the cache" test "$(grep -c 'frozen blocks' "$work.err")" = 1

# --help fits a terminal of 80 columns.
for command in run demo sweep report fetch calibrate extract probe eval export finetune corrupt pca predict inspect bench; do
    "$reshift" $command --help >help.out
    holds "$command --help in 80 columns" awk 'length($0) > 80 { print; bad = 1 } END { exit bad }' help.out
done
"$reshift" help >help.out
holds "help in 80 columns" awk 'length($0) > 80 { print; bad = 1 } END { exit bad }' help.out
finish
