#!/bin/sh
# A sweep: its table and pictures, studies that share stages give the results of separate ones, finished work is not
# repeated, and files that are not a sweep.
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 1

cat >tiny.yaml <<'E'
name: tiny
experiment: demo
set:
  source: {limit_train: 240, limit_test: 50}
  pretrain: {limit: 256, epochs: 1}
  probe: {epochs: 3}
  finetune: {samples: 100, epochs: 1, monitor: 20}
grid:
  finetune.train: [[layer4, fc], [fc]]
  shift.corruption: [gaussian_blur, fog]
E

check "a sweep is not an experiment" 2 - "hint: this is a sweep: 'reshift sweep FILE' does one" "$reshift" run tiny.yaml
check "the studies of a sweep are listed" 0 "finetune.train: [fc], shift.corruption: fog" - "$reshift" sweep tiny.yaml --show
holds "listing creates nothing" absent runs
check "a sweep" 0 "[layer4, fc]    fog " "taken from there" "$reshift" sweep tiny.yaml
holds "the result of the last study is printed" grep -q '^\[fc\]            fog  .* 150 *30$' "$work.out"
holds "one row per study" test "$(wc -l <runs/tiny/sweep.csv)" = 5
holds "studies are named by their values" grep -q '^"04-fc_fog","\[fc\]","fog",unseen,30,30,' runs/tiny/sweep.csv
holds "every study has a report" test -s runs/tiny/03-fc_gaussian-blur/report.html
holds "the sweep has pictures" test -s runs/tiny/plots/sweep-shift.png -a -s runs/tiny/plots/sweep-clean-change.svg
holds "features are stored once" test runs/tiny/01-layer4-fc_gaussian-blur/features/train-clean.npy -ef runs/tiny/04-fc_fog/features/train-clean.npy
holds "different stages are not shared" test ! runs/tiny/03-fc_gaussian-blur/features/original-shift.npy -ef runs/tiny/04-fc_fog/features/original-shift.npy

check "the last study alone" 0 "report: alone" "" "$reshift" demo --out alone --set source.limit_train=240 --set source.limit_test=50 \
    --set pretrain.limit=256 --set pretrain.epochs=1 --set probe.epochs=3 --set finetune.samples=100 \
    --set finetune.epochs=1 --set finetune.monitor=20 --set 'finetune.train=[fc]' --set shift.corruption=fog --set name=04-fc_fog
holds "the last study alone has the same bytes" diff -r -x manifest.json -x history alone runs/tiny/04-fc_fog

cp runs/tiny/sweep.csv before.csv
check "a second time" 0 "[fc]            fog " "done before, nothing has changed" "$reshift" sweep tiny.yaml
holds "the second sweep repeats no work" sh -c '! grep -q "epoch 1/1" "$1"' sh "$work.err"
holds "the second sweep has the same table" cmp -s before.csv runs/tiny/sweep.csv
rm -r runs/tiny/02-layer4-fc_fog
check "a missing study" 0 '"folder": "02-layer4-fc_fog"' "" "$reshift" sweep tiny.yaml --quiet --json
holds "the missing study is run again with the same result" cmp -s before.csv runs/tiny/sweep.csv

cat >adapting.yaml <<'E'
name: adapting
experiment: demo
set:
  source: {limit_train: 240, limit_test: 50}
  pretrain: {limit: 256, epochs: 1}
  probe: {epochs: 3}
  finetune: {samples: 100, epochs: 2, monitor: 0, validation: 0.2, keep: best}
grid:
  adapt.method: [none, bn]
E
check "a sweep over adapting" 0 "adapted: shifted images" "taken from there" "$reshift" sweep adapting.yaml
holds "the table has columns for adaptation" grep -q ',shift_rows,shift_images,shift_before,.*,shift_change_high,clean_before_adapted,clean_before_adapted_low,.*,shift_adapted_change,' runs/adapting/sweep.csv
holds "the columns are empty without adaptation" grep -q '^"01-none","none",unseen,.*[0-9],,,,,,,,,,,,,,,,,,,$' runs/adapting/sweep.csv
holds "the columns are filled with adaptation" grep -Eq '^"02-bn","bn",unseen(,[0-9.e-]+){40},$' runs/adapting/sweep.csv
adapted=$(awk -F, '$1 == "finetuned" && $6 == "shift" && $9 == "all" && $11 == "yes" { printf "%.6g", $15 }' runs/adapting/02-bn/adapted.csv)
holds "the values equal those of adapted.csv" grep -Eq "^\"02-bn\",.*,$adapted(,[0-9.e-]*){5},\$" runs/adapting/sweep.csv
holds "there are pictures of adaptation" test -s runs/adapting/plots/sweep-shift-adapted.png -a -s runs/adapting/plots/sweep-clean-adapted-change.svg -a \
    -s runs/adapting/plots/sweep-shift-adapted-original.png
holds "other sweeps have no pictures of adaptation" absent runs/tiny/plots/sweep-shift-adapted.png
holds "held-out rows are shared with fine-tuning" test runs/adapting/01-none/split/validation-rows.npy -ef runs/adapting/02-bn/split/validation-rows.npy
check "adaptation in JSON" 0 '"shift_after_adapted": null' "" "$reshift" sweep adapting.yaml --quiet --json

cat >diverging.yaml <<'E'
name: diverging
experiment: demo
set:
  source: {limit_train: 240, limit_test: 50}
  pretrain: {limit: 256, epochs: 1}
  probe: {epochs: 3}
  finetune: {samples: 100, epochs: 1, monitor: 0}
grid:
  finetune.lr: [10, 0.001]
E
check "a sweep with a study that diverges" 0 "  no result: training diverged: the training loss after epoch 1 is " "study 01-10 has no result: training diverged" \
    "$reshift" sweep diverging.yaml
holds "the table marks the diverged study" grep -q '^"01-10","10",,.*,"training diverged: the training loss after epoch 1 is .*, where guessing among ' runs/diverging/sweep.csv
holds "the diverged study writes no weights" absent runs/diverging/01-10/weights/finetuned.safetensors
holds "the other studies are run" grep -q '^"02-0.001","0.001",unseen,.*,$' runs/diverging/sweep.csv
check "a diverged study in JSON" 0 '"problem": "training diverged: ' "" "$reshift" sweep diverging.yaml --quiet --json

sed 's/fog/frog/' tiny.yaml >frog.yaml
check "an invalid value" 2 - "sweep 'tiny', study 02-layer4-fc_frog: " "$reshift" sweep frog.yaml --show
sed 's/shift.corruption/shift.corrupton/' tiny.yaml >key.yaml
check "an unknown key" 2 - "hint: did you mean 'shift.corruption'?" "$reshift" sweep key.yaml --show
printf 'experiment: demo\ngrid: {seed: 3}\n' >list.yaml
check "a single value instead of a list" 2 - "sweep 'list.yaml' line 2: 'seed': expected a list of values" "$reshift" sweep list.yaml --show
printf 'experiment: demo\ngrid: {seed: [1, 2, 1]}\n' >twice.yaml
check "a repeated value" 2 - "line 2: 'seed': 1 is given twice" "$reshift" sweep twice.yaml --show
printf 'experiment: demo\nname: x\n' >none.yaml
check "a missing grid" 2 - "found no grid" "$reshift" sweep none.yaml --show
printf 'experiment: gone.yaml\ngrid: {seed: [1]}\n' >lost.yaml
check "a missing experiment" 1 - "gone.yaml" "$reshift" sweep lost.yaml --show
printf 'experiment: demo\ngrids: {seed: [1]}\n' >word.yaml
check "an unknown word" 2 - "line 2: unknown or repeated key 'grids'" "$reshift" sweep word.yaml --show
: >empty.yaml
check "an empty file" 2 - "expected the keys name, experiment, set and grid" "$reshift" sweep empty.yaml --show
printf 'experiment: demo\ngrid: {seed: [1, 2]}\nset: {name: &a {b: *a}}\n' >loop.yaml
check "a recursive alias" 2 - "sweep 'loop.yaml' line 3: lists and maps nested deeper" "$reshift" sweep loop.yaml --show
printf 'experiment: demo\ngrid: {seed: &a [1, *a]}\n' >grid-loop.yaml
check "a recursive axis" 2 - "sweep 'grid-loop.yaml' line 2: lists and maps nested deeper" "$reshift" sweep grid-loop.yaml --show
{
    printf 'experiment: demo\ngrid: {seed: [1, 2]}\nset:\n  name: &a [x, x, x, x, x, x, x, x, x, x]\n'
    printf '  seed: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n  probe.lr: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n'
    printf '  probe.epochs: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n'
} >laugh.yaml
check "nested aliases" 2 - "more than 10000 values once aliases are expanded" "$reshift" sweep laugh.yaml --show
printf 'experiment: demo\ngrid: {seed: [1, 2]}\nset:\n  source:\n    data: npy:a.npy,b.npy\n  finetune:\n    train: [fc]\n' >block.yaml
check "a value with a comma in a map" 0 "seed: 1" - "$reshift" sweep block.yaml --show
check "a missing file" 1 - "cannot read the sweep" "$reshift" sweep no.yaml
holds "no partial files remain" clean runs
finish
