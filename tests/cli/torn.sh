#!/bin/sh
# Truncated files and files with other contents, as users have them: each kind with its message, and no output left.
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
golden=$(cd "$(dirname "$0")/../formats/golden" && pwd)
cd "$work" || exit 1
export RESHIFT_DATA="$work/data"
mkdir data

tiny_study study >study.out 2>study.err || { echo "Bail out! the tiny study failed"; cat study.err; exit 1; }
net=study/weights/finetuned.safetensors
features=study/features/original-clean.npy
labels=study/features/clean-labels.npy

# arrays
: >empty.npy
check "empty array file" 1 - "cannot read 'empty.npy'" "$reshift" probe --train empty.npy $labels --out x.safetensors
head -c 60 $features >head.npy
check "array truncated in its header" 1 - "cannot read 'head.npy': the .npy header has 118 bytes, the file has 50 left (byte 8)" "$reshift" probe --train head.npy $labels --out x.safetensors
head -c 1000 $features >cut.npy
check "array truncated in its data" 1 - "cannot read 'cut.npy': the shape takes 25600 bytes of data, found 872 (byte 128)" "$reshift" probe --train cut.npy $labels --out x.safetensors
check "features that are labels" 1 - "'$labels': features: expected float32 [N,D], found int64 [50]" "$reshift" probe --train $labels $labels --out x.safetensors
check "labels that are features" 1 - "training labels: expected integers [50], one for each row, found float32 [50,128]" "$reshift" probe --train $features $features --out x.safetensors
check "labels out of range" 1 - "--train $features $labels: training labels: row " "$reshift" probe --train $features $labels --classes 3 --out x.safetensors
check "test labels of other rows" 1 - "--test $features study/features/shift-labels.npy: test labels: expected integers [50]" "$reshift" probe --train $features $labels --test $features study/features/shift-labels.npy --out x.safetensors
check "second of two features" 1 - "'$labels': features: expected float32 [N,D], found int64 [50]" "$reshift" pca --features $features $labels --out pca
check "features for no axes" 1 - "'one.npy': features: principal components need at least 2 rows, found 1" sh -c '"$1" extract --quiet --weights "$2" --data demo --limit 1 --out one.npy >/dev/null && exec "$1" pca --features "$3" one.npy --out pca' sh "$reshift" $net $features
holds "errors leave no folder" absent pca
rm -f one.npy

# checkpoints
for size in 0 4 100 3000 100000; do
    head -c $size $net >torn.safetensors
    check "safetensors of $size bytes" 1 - "cannot read weights 'torn.safetensors': " "$reshift" eval --weights torn.safetensors --data demo
done
for file in torch_legacy.pth torch_zip.pth; do
    size=$(wc -c <"$golden/$file")
    for part in 0 20 $((size / 2)) $((size - 1)); do
        head -c "$part" "$golden/$file" >torn.pth
        check "$file, the first $part bytes" 1 - "cannot read 'torn.pth': " "$reshift" inspect torn.pth
    done
done
check "a head instead of a network" 1 - "no tensor 'layer1.0.conv1.weight', the first one is called 'fc.weight'" "$reshift" eval --weights study/weights/probe.safetensors --data demo
check "a folder instead of a network" 1 - "cannot read weights 'study': it is a folder" "$reshift" eval --weights study --data demo
echo nonsense >other
check "another file as a checkpoint of training" 1 - "checkpoint of fine-tuning: cannot read 'other'" "$reshift" finetune --quiet --weights $net --data demo --limit 20 --epochs 1 --checkpoint other --out x.safetensors

# pictures
for file in image_95.jpg image_LA16.png; do
    size=$(wc -c <"$golden/$file")
    for part in 0 10 $((size / 2)) $((size - 17)); do # the last 16 bytes of a PNG hold no pixels
        head -c "$part" "$golden/$file" >"torn-$file"
        check "$file, the first $part bytes" 1 - "cannot read 'torn-$file': " "$reshift" predict --weights $net "torn-$file"
    done
done
mkdir -p pictures/cat pictures/dog none
cp "$golden/image_LA16.png" pictures/cat/1.png
cp torn-image_95.jpg pictures/dog/2.jpg
check "a truncated picture in a folder" 1 - "pictures/dog/2.jpg': JPEG: the file ends within row " "$reshift" extract --quiet --weights $net --data folder:pictures --out x.npy
check "a folder without classes" 1 - "hint: expected one sub-folder a class with its images" "$reshift" eval --weights $net --data folder:none

# CIFAR-10
batches=data/cifar-10-batches-bin
check "data folder without the set" 1 - "no CIFAR-10 test set in '$work/data'" "$reshift" eval --weights $net --data cifar10
check "no such folder" 1 - "no CIFAR-10 test set in 'nowhere': there is no such folder" "$reshift" eval --weights $net --data cifar10:nowhere
mkdir $batches
head -c 30730000 /dev/zero >$batches/test_batch.bin
check "a valid part" 0 "3 rows" "" "$reshift" extract --quiet --weights $net --data cifar10 --limit 3 --out /dev/null
tar czf whole.tar.gz -C data cifar-10-batches-bin
printf '\014' | dd of=$batches/test_batch.bin bs=1 seek=$((3073 * 17)) conv=notrunc 2>/dev/null
check "label out of range" 1 - "test_batch.bin': record 17: expected a label from 0 to 9, found 12" "$reshift" eval --weights $net --data cifar10 --limit 3
head -c 1000000 /dev/zero >$batches/test_batch.bin
check "a truncated part" 1 - "expected 30730000 bytes (10000 records of 3073), found 1000000 (325 records and 1275 bytes)" "$reshift" eval --weights $net --data cifar10 --limit 3
: >$batches/data_batch_1.bin
check "parts missing or empty" 1 - "data_batch_1.bin': expected 30730000 bytes" "$reshift" extract --weights $net --data cifar10 --split train --out x.npy
mkdir packed
cp whole.tar.gz packed/cifar-10-binary.tar.gz
check "a valid archive" 0 "3 rows" "" "$reshift" extract --quiet --weights $net --data cifar10:packed --limit 3 --out /dev/null
for part in 100 10000 20000; do
    head -c "$part" whole.tar.gz >packed/cifar-10-binary.tar.gz
    check "an archive of $part bytes" 1 - "hint: the archive is cut short or damaged; fetch it again with: reshift fetch cifar10" "$reshift" eval --weights $net --data cifar10:packed --limit 3
done
echo text >packed/cifar-10-binary.tar.gz
check "another file as an archive" 1 - "cifar-10-binary.tar.gz' is no archive" "$reshift" eval --weights $net --data cifar10:packed --limit 3

# output targets are checked before the work, not after it
check "no folder for the weights of a probe" 1 - "hint: make its folder first: mkdir -p 'no'" "$reshift" probe --train $features $labels --out no/x.safetensors
check "no folder for its history" 1 - "cannot write 'no/h.csv': No such file or directory" "$reshift" probe --train $features $labels --out x.safetensors --history no/h.csv
check "no folder for its plots' folder" 1 - "cannot write 'no/plots'" "$reshift" probe --train $features $labels --out x.safetensors --plots no/plots
check "existing plots" 1 - "'study/plots/probe.csv' exists already" "$reshift" probe --train $features $labels --out x.safetensors --plots study/plots
check "no folder for the weights of fine-tuning" 1 - "cannot write 'no/x.safetensors'" "$reshift" finetune --weights $net --data demo --limit 20 --epochs 1 --out no/x.safetensors
check "no folder for its checkpoint" 1 - "cannot write 'no/c'" "$reshift" finetune --weights $net --data demo --limit 20 --epochs 1 --checkpoint no/c --out x.safetensors
check "a folder instead of the weights" 1 - "cannot write 'study': a folder is there" "$reshift" probe --force --train $features $labels --out study
mkdir taken
cp $labels taken/original-clean-mean.npy
check "an existing file of pca" 1 - "'taken/original-clean-mean.npy' exists already" "$reshift" pca --features $features --out taken
holds "no file is written next to it" test "$(ls taken)" = original-clean-mean.npy

# a disk that fills while gnuplot draws: gnuplot does not report it, the picture would be truncated
mkdir plots
check "no room for a picture" 1 - "gnuplot left it cut short" sh -c 'ulimit -f 20; exec "$@"' sh "$reshift" probe --quiet --json --train $features $labels --out y.safetensors --plots plots
holds "no truncated picture remains" test -z "$(find plots -name '*.png' -o -name '*.svg' -o -name '?*.reshift-part*')"
holds "errors leave no file" test -z "$(ls | grep '^x\.')"
finish
