#!/bin/sh
# The robustness table of the program: its output and files, resuming after a kill, leaks, comparisons.
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 1
export RESHIFT_DATA="$work/data"
mkdir data
tiny_study study >study.out 2>&1
before=study/weights/pretrained.safetensors
after=study/weights/finetuned.safetensors
head="--head study/weights/probe.safetensors"

value() { # FILE CORRUPTION SEVERITY COLUMN SUBSET: one field of a table
    awk -F, -v c="$2" -v s="$3" -v want="$4" -v subset="$5" '
        NR == 1 { for (i = 1; i <= NF; i++) { if ($i == want) column = i; if ($i == "subset") kind = i } next }
        $1 == c && $2 == s && $kind == subset { print $column; exit }' "$1"
}

# shellcheck disable=SC2086
table() { "$reshift" eval --quiet --weights $before $head --data demo --limit 50 "$@"; }

check "a table" 0 "mean of 15" "" table --corruption leaderboard --severity 1-2 --out all
holds "the table is at most 100 columns wide" awk 'length($0) > 100 { exit 1 }' "$work.out"
holds "one row per cell and one mean per corruption" test "$(wc -l <all/results.csv)" = $((1 + 1 + 30 + 15 + 2))
holds "every row has as many fields as the heading" awk -F, 'NR == 1 { n = NF } NF != n { exit 1 }' all/results.csv
holds "the table states the preparation of the images" awk -F, 'NR > 1 { size = size || $33 != 32; made = made || ($1 != "clean" && $35 != "cifar") }
    NR == 1 { size = $33 != "input_size" || $35 != "constants" } END { exit size || made }' all/results.csv
holds "the JSON states the preparation by cell" test "$(grep -c '"constants": "cifar"' all/results.json)" = 31
holds "every loss of accuracy has an interval, except for clean images" awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i ~ /^lost/) n++
    bad = n != 3 } NR > 1 && $1 != "clean" && ($14 == "" || $15 == "" || $16 == "" || $15 + 0 > $14 + 0) { bad = 1 } END { exit bad }' \
    all/results.csv
holds "with equal classes balanced accuracy is accuracy" awk -F, 'NR > 1 && ($6 - $12 > 1e-9 || $12 - $6 > 1e-9) { bad = 1 }
    NR > 1 && ($13 == "" || $13 < $6) { bad = 1 } END { exit bad || NR == 1 }' all/results.csv
holds "accuracy by class" test "$(wc -l <all/classes.csv)" = $((1 + 31 * 10))
holds "accuracies by class add up" test "$(awk -F, '$1 == "fog" && $2 == 2 { n += $6 } END { print n }' all/classes.csv)" = \
    "$(value all/results.csv fog 2 correct all)"
holds "the classes have names" grep -q '^fog,1,0,circle,5,' all/classes.csv
holds "numbers have the shortest form" shortest all/results.csv all/results.json all/classes.csv
holds "numbers of a study have the shortest form" shortest study/results.csv study/results.json study/manifest.json study/pca/*.csv study/pca/*.json \
    study/history/*.csv study/features/*.json
holds "the rows of a study state the preparation" awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "input_size") c = i; next }
    $c != 32 { bad = 1 } END { exit bad || !c }' study/results.csv
holds "the page states the preparation" grep -q "Input of the network: images of 32x32" study/report.html
holds "the folder contains JSON" grep -q '"mean_of_15"' all/results.json
holds "the folder contains confusion matrices" test -s all/confusion.npy
holds "the folder contains the heat map" test -s all/plots/heatmap.png -a -s all/plots/heatmap.svg
holds "no temporary files remain" clean all
check "AlexNet is not a baseline for these images" 0 "the plain mean: AlexNet" "AlexNet's errors are of ImageNet-C" \
    "$reshift" eval --weights $before --head study/weights/probe.safetensors --data demo --limit 50 --corruption leaderboard \
    --severity 1-2 --baseline alexnet --out all --force
check "the table is not replaced without --force" 1 - "results.csv' exists already" table --corruption fog --out all
check "the table with the validation corruptions" 0 "mean of 19" "" table --corruption all --severity 2 --out nineteen
holds "both tables agree" test "$(value nineteen/results.csv fog 2 correct all)" = "$(value all/results.csv fog 2 correct all)"
check "one corruption, one severity" 0 "fog" - table --corruption fog --severity 2 --out fog.csv
holds "one cell equals the one of the table" test "$(value fog.csv fog 2 nll all)" = "$(value all/results.csv fog 2 nll all)"
holds "a single table keeps no cells" absent fog.csv.cells
check "JSON on stdout" 0 '"relative_mce": null' - table --json
check "a corruption named twice" 2 - "named twice" table --corruption fog,fog
check "the mapping of classes is stated even if trivial" 0 "the set's 10 are the network's, matched by name" - table
check "an unknown corruption" 2 - "did you mean" table --corruption fogg
check "a sample" 0 "a sample of 20 of 50 images, by class" - table --sample 20 --corruption fog --out sample.csv
holds "the sample has the same images in every cell" test "$(value sample.csv fog 5 images all)" = 20
holds "rows and images of a mean" test "$(value sample.csv fog all rows all),$(value sample.csv fog all images all)" = 100,20
check "one image" 0 "demo: 1 image a cell" - "$reshift" eval --quiet --weights $before --head study/weights/probe.safetensors --data demo --limit 1 --corruption fog --out one.csv
holds "the mean of one image is uncertain" awk -F, '$1 == "fog" && $2 == "all" && $8 - $7 > 0.7 { found = 1 } END { exit !found }' one.csv
check "too small a sample" 1 - "expected at least one of each" table --sample 3

# Killed: finished cells are kept, and the final table equals that of an undisturbed run.
# shellcheck disable=SC2086
"$reshift" eval --quiet --threads 1 --weights $before $head --data demo --limit 50 --corruption leaderboard --severity 1-2 \
    --out killed >/dev/null 2>&1 &
process=$!
waited=0
while [ "$(find killed/cells -name '*.safetensors' 2>/dev/null | wc -l)" -lt 3 ] && [ $waited -lt 600 ]; do
    sleep 0.05
    waited=$((waited + 1))
done
kill -KILL $process 2>/dev/null
wait $process 2>/dev/null
kept=$(find killed/cells -name '*-[0-9a-f]*.safetensors' | wc -l)
holds "after a kill finished cells are kept ($kept)" test "$kept" -ge 3
check "eval resumes" 0 "mean of 15" "cells were measured before" "$reshift" eval --weights $before --head study/weights/probe.safetensors \
    --data demo --limit 50 --corruption leaderboard --severity 1-2 --out killed
holds "the resumed table is the same" cmp -s killed/results.csv all/results.csv
holds "the resumed JSON is the same" cmp -s killed/results.json all/results.json
cell=$(find killed/cells -name 'fog-1-*.safetensors')
printf 'torn' >"$cell"
check "a file that is not a cell" 0 "mean of 15" "fog-1-" table --corruption leaderboard --severity 1-2 --out killed --force
holds "an invalid cell is measured again" cmp -s killed/results.csv all/results.csv
# the lowest bit of one number, flipped as by a failing disk
byte=$(od -An -tu1 -j 136 -N 1 "$cell")
printf "$(printf '\\%03o' $((byte ^ 1)))" | dd of="$cell" bs=1 seek=136 conv=notrunc 2>/dev/null
check "a cell with a flipped bit" 0 "mean of 15" "is damaged: the cell is measured again" table --corruption leaderboard --severity 1-2 --out killed --force
holds "a damaged cell is not used" cmp -s killed/results.csv all/results.csv

# Leaks: the study's network was fine-tuned on 20 of these 50 images.
check "images seen in training are refused" 1 - "the network was trained on 20 of 50 images (40.0 %)" "$reshift" eval \
    --quiet --weights $after --data demo --limit 50 --corruption gaussian_blur
check "seen images with --allow-leak" 0 "never seen" - "$reshift" eval --quiet --allow-leak --weights $after \
    --data demo --limit 50 --corruption gaussian_blur --out leak.csv
holds "30 images are unseen" test "$(value leak.csv clean 0 images unseen)" = 30
for images in all unseen; do
    correct=$(sed -n "s/^finetuned,shift,demo,gaussian_blur,all,$images,[a-z]*,[0-9]*,[0-9]*,\([0-9]*\),.*/\1/p" study/results.csv | head -1)
    holds "unseen images give the study's value ($correct, $images)" test "$(value leak.csv gaussian_blur all correct $images)" = "$correct"
done
check "seen images with --unseen" 0 "left out: 20 images seen in training" - "$reshift" eval --quiet --unseen --weights $after \
    --data demo --limit 50 --corruption gaussian_blur --out unseen.csv
holds "--unseen prints no leak warning" test -z "$(sed -n '/leak/p' "$work.out")"
for severity in 0 1 5; do
    name=$(test $severity = 0 && echo clean || echo gaussian_blur)
    holds "--unseen measures the unseen images (severity $severity)" test "$(value unseen.csv "$name" $severity correct all)" = \
        "$(value leak.csv "$name" $severity correct unseen)" -a "$(value unseen.csv "$name" $severity images all)" = 30
done
check "a sample of unseen images" 0 '"left_out_as_seen": 20' - "$reshift" eval --quiet --unseen --json --weights $after --data demo --limit 50 \
    --sample 20
holds "the sample contains no seen image" grep -q '"seen_in_training": 0' "$work.out"
check "a sample larger than the unseen images" 1 - "training has seen all but 30 of the 50 images" "$reshift" eval --quiet --unseen \
    --weights $after --data demo --limit 50 --sample 31
check "no unseen image remains" 1 - "training has seen all of the 50 images: none is left to measure" "$reshift" eval --quiet --unseen \
    --weights $before --head study/weights/probe.safetensors --data demo --split train --limit 50
check "--allow-leak and --unseen together" 2 - "expected one of the two" "$reshift" eval --quiet --unseen --allow-leak --weights $before --data demo
check "against a network that has seen some images" 0 "left out: 20 images" - table --unseen --corruption fog --severity 2 --against $after \
    --out against.csv
holds "both networks are measured on the rest" test "$(value against.csv fog 2 difference_n all)" = 30 -a \
    "$(value against.csv fog 2 images all)" = 30

check "a probe records its training images" 1 - "trained on 50 of 50 images (100.0 %)" "$reshift" eval --quiet \
    --weights $before --head study/weights/probe.safetensors --data demo --split train --limit 50
for class in circle ring square triangle star cross stripes checks dots waves; do echo "$class,0"; done >map.csv
check "the network without the probe had not seen them" 0 '"seen_in_training": 0' "" "$reshift" eval --quiet --json --weights $before --data demo \
    --split train --limit 50 --class-map map.csv

# Two networks.
check "against another network" 0 "points of accuracy, on the same images" - table --corruption fog --against $before \
    --against-head study/weights/probe.safetensors --out same.csv
holds "an interval keeps its width without differences" awk -F, -v d="$(value same.csv fog all difference_low all)" 'BEGIN { exit !(d < 0) }'
holds "a network equals itself" test "$(value same.csv fog all difference all)" = 0.0
holds "McNemar's test of a network against itself" test "$(value same.csv fog 3 mcnemar_p all)" = 1.0
# Adaptation while testing.
check "adapted by the batch" 0 "adapts (bn) in batches of 25 images, in the set's order" "batches of 25 images are small" table \
    --corruption fog --adapt bn --batch 25 --out bn.csv
holds "every row states the adaptation" test "$(grep -c ',bn,25,set,32,' bn.csv)" = "$(($(wc -l <bn.csv) - 1))"
holds "adaptation changes the values" test "$(value bn.csv fog 3 nll all)" != "$(value all/results.csv fog 3 nll all)"
check "adaptation weighted towards the training statistics" 0 "source as 1e+09 images" "" table --corruption fog --severity 2 --adapt bn --batch 50 --adapt-source 1000000000 \
    --out source.csv
holds "the weighted adaptation changes little" test "$(value source.csv fog 2 correct all)" = "$(value all/results.csv fog 2 correct all)"
check "Tent, shuffled" 0 "adapts (tent) in batches of 50 images, shuffled, Adam 0.001" "" table --corruption fog --adapt tent --batch 50 \
    --shuffle --out tent.csv
holds "Tent predicts a batch before its own step" test "$(value tent.csv fog 2 images all)" = 50
"$reshift" corrupt --quiet --format folder --data demo --limit 50 --corruption brightness --severity 1 --out sorted >/dev/null
check "images sorted by class" 0 "mean" "the images come sorted by class" table --adapt bn --batch 5 --data folder:sorted/brightness/1 --size 32
check "adapted against not adapted" 0 "points of accuracy, on the same images" "" table --corruption fog --severity 3 --adapt bn --batch 50 \
    --against $before --against-head study/weights/probe.safetensors
check "an unknown adaptation" 2 - "expected none, bn or tent" table --adapt batchnorm
check "a source without bn" 2 - "--adapt-source goes with --adapt bn" table --adapt tent --adapt-source 5

check "a head without its network" 2 - "--against-head goes with --against" table --against-head fc.safetensors
finish
