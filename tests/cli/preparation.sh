#!/bin/sh
# Preparation of photographs at the command line: one rule for files and sets, before and after a training of rate 0.
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 1
export RESHIFT_DATA="$work/data"
mkdir data
tiny_study study >study.out 2>&1
# the demo's images as files: photographs, whatever their size
before=study/weights/pretrained.safetensors
"$reshift" corrupt --quiet --data demo --limit 24 --corruption brightness --severity 1 --format folder --out made >/dev/null
photos=made/brightness/1

value() { # FILE COLUMN: of the row of clean images
    awk -F, -v want="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == want) column = i; next }
        $1 == "clean" { print $column; exit }' "$1"
}

# A head for these classes without a record of sizes: features without their description.
"$reshift" extract --quiet --weights $before --data folder:$photos --out plain.npy --labels-out l.npy >/dev/null
rm plain.npy.json
"$reshift" probe --quiet --train plain.npy l.npy --epochs 20 --lr 0.1 --out plain.safetensors >/dev/null
with="--weights $before --head plain.safetensors"
# shellcheck disable=SC2086
for size in 8 31 37 65 101; do
    check "predict on a set at $size" 0 "accuracy" - "$reshift" predict --quiet $with --data folder:$photos \
        --size $size --out set$size.csv --top 1
    find $photos -name '*.png' | sort >files
    # shellcheck disable=SC2046
    "$reshift" predict --quiet $with --size $size --top 1 --json $(cat files) |
        sed -n 's/.*"probability": \([0-9.e-]*\).*/\1/p' >one$size
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i ~ /^p/) column = i; next } { print $column }' set$size.csv >of_set$size
    holds "a set and its files give the same predictions ($(wc -l <one$size) of them)" near 1e-4 one$size of_set$size
    check "training at rate 0 and size $size" 0 "" "" "$reshift" finetune --quiet $with --data folder:$photos \
        --size $size --lr 0 --epochs 1 --batch 8 --out tuned$size.safetensors
    check "the fine-tuned network, read again," 0 "clean" - "$reshift" eval --quiet --weights tuned$size.safetensors \
        --data folder:$photos --allow-leak --out after$size.csv
    check "the original network at that size" 0 "clean" "" "$reshift" eval --quiet $with \
        --data folder:$photos --size $size --out before$size.csv
    holds "both networks have the same accuracy" test "$(value after$size.csv nll)" = "$(value before$size.csv nll)"
done
# ---- features and heads carry the preparation of their images ----
check "extract describes its features" 0 "images as 37x37" - "$reshift" extract --quiet --weights $before \
    --data folder:$photos --size 37 --out f.npy
holds "the description is next to the features" grep -q '"input_size": 37' f.npy.json
check "a probe of these features" 0 "" - "$reshift" probe --quiet --train f.npy l.npy --epochs 50 --lr 0.1 --out head.safetensors
check "the probe has the preparation" 0 "37" - "$reshift" inspect head.safetensors
check "a network with the probe runs at its size" 0 "images as 37x37 (resize 37" "" "$reshift" eval --quiet --weights $before \
    --head head.safetensors --data folder:$photos --allow-leak
check "a network with the probe is exported at its size" 0 "images of 37x37, resize 37" - "$reshift" export --quiet --weights $before \
    --head head.safetensors --out probed.safetensors
# the names of the classes, too: a set whose classes have other numbers is mapped by name, one of other classes is refused
classes=$(cd "$photos" && ls -d */ | tr -d /)
for class in $classes; do
    mkdir -p "others/$class"
    cp "$photos/$class"/* "others/$class/"
done
first=$(echo "$classes" | sed -n 1p)
holds "with the names of their classes" sh -c 'tr -d " \n" <f.npy.json | grep -q "class_names.*$1"' sh "$first"
check "as the head does" 0 "class_names: [\"$first" - "$reshift" inspect head.safetensors
check "with which a network names a class" 0 "$first" "" "$reshift" predict --weights $before --head head.safetensors \
    "$(find "$photos/$first" -type f | head -n 1)"
mv "others/$first" others/unheard-of
check "a set of another class is refused" 1 - "class 'unheard-of' of the set is none of the network's" \
    "$reshift" eval --quiet --weights $before --head head.safetensors --data folder:others --allow-leak
for command in "eval --data folder:$photos --allow-leak" "export --out no.safetensors" \
    "finetune --data folder:$photos --out no.safetensors" "predict --data folder:$photos --out no.csv"; do
    # shellcheck disable=SC2086
    check "${command%% *}: another size is refused" 1 - "'head.safetensors' was trained on images of 37x37, --size is 64" \
        "$reshift" $command --quiet --weights $before --head head.safetensors --size 64
done
check "two networks, each at its own size" 0 "images as 37x37" "" "$reshift" eval --quiet --weights $before \
    --head plain.safetensors --against $before --against-head head.safetensors --data folder:$photos --allow-leak --out both
holds "both sizes are stated" grep -q "images as 32x32" "$work.out"
holds "both sizes are in the JSON" grep -q '"other_preparation"' both/results.json
"$reshift" extract --quiet --weights $before --data folder:$photos --size 64 --out g.npy --force >/dev/null
check "features of two preparations are not mixed" 1 - "differently prepared images: 37x37 (resize 37) and 64x64 (resize 64)" \
    "$reshift" probe --quiet --train f.npy l.npy --test g.npy l.npy
cp f.npy copied.npy
cp g.npy.json copied.npy.json
check "a description of other features is ignored" 0 "" - "$reshift" probe --quiet --train copied.npy l.npy \
    --epochs 1 --out none.safetensors
check "an ignored description is not passed on" 0 "" - "$reshift" inspect none.safetensors
holds "the head has no preparation" test "$(grep -c input_size "$work.out")" = 0
check "the head of a study has its size" 0 "input_size" - "$reshift" inspect study/weights/probe.safetensors
# a folder whose name is not UTF-8: its features are described, too
odd=$(printf 'caf\351')
ln -s "$photos" "$odd"
check "features with a path that is not UTF-8" 0 "" - "$reshift" extract --quiet --weights $before --data "folder:$odd" --size 64 --out odd.npy
holds "the path is escaped in the description" grep -q 'caf..xe9' odd.npy.json
# ---- crops that were corrupted are not cropped again ----
twice="$with --quiet --size 48"
"$reshift" corrupt --quiet --data folder:$photos --size 48 --constants imagenet --corruption fog --severity 3-4 --format folder \
    --out crops >/dev/null
# shellcheck disable=SC2086
check "a folder of corrupted crops" 0 "constants of ImageNet-C (224x224), after resize 54 and crop 48; stored as JPEG of quality 85" \
    - "$reshift" eval $twice --data folder:crops/fog/3 --out crops.csv
# shellcheck disable=SC2086
"$reshift" eval $twice --data imagenet-c:crops --corruption fog --severity 3 --out tree.csv >/dev/null 2>&1
holds "a folder of corrupted crops equals a set of one size" test -n "$(value crops.csv nll)" -a "$(value crops.csv nll)" = \
    "$(awk -F, '$1 == "fog" && $2 == 3 { print $9 }' tree.csv)"
rm crops/fog/3/preparation.json
# shellcheck disable=SC2086
check "without the description they are photographs" 0 "images as 48x48 (resize" "" "$reshift" eval $twice --data folder:crops/fog/3
echo '{}' >crops/fog/4/preparation.json
# shellcheck disable=SC2086
check "another file of the description's name" 1 - "crops/fog/4/preparation.json': expected how the images" "$reshift" eval $twice --data folder:crops/fog/4
cp -r $photos unsaid
rm unsaid/preparation.json
check "corruption at two sizes is stated for both" 0 "corrupted images: " "" "$reshift" eval --quiet --weights $before \
    --head plain.safetensors --against $before --against-head head.safetensors --data folder:unsaid --allow-leak \
    --corruption fog --severity 3 --constants imagenet
holds "the crops of both are stated" sh -c 'grep -q "corrupted images: .*crop 32" "$1" && grep -q "corrupted images: .*crop 37" "$1"' sh "$work.out"
check "sizes below the minimum are refused by all commands" 2 - "from 8 to 4096" "$reshift" predict --weights $before \
    --size 7 made/brightness/1
check "sizes below the minimum are refused in settings" 2 - "from 8 to 4096" "$reshift" demo --set input.size=7 --out small
finish
