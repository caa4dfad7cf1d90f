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

for size in 8 31 37 65 101; do
    check "predict on a set at $size" 0 "accuracy" - "$reshift" predict --quiet --weights $before --data folder:$photos \
        --size $size --out set$size.csv --top 1
    find $photos -name '*.png' | sort >files
    # shellcheck disable=SC2046
    "$reshift" predict --quiet --weights $before --size $size --top 1 --json $(cat files) |
        sed -n 's/.*"probability": \([0-9.]*\).*/\1/p' | awk '{ printf "%.4f\n", $1 }' >one$size
    awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i ~ /^p/) column = i; next } { printf "%.4f\n", $column }' \
        set$size.csv >of_set$size
    holds "gives what predict gives for its files ($(wc -l <one$size) of them)" cmp one$size of_set$size
    check "training at rate 0 and size $size" 0 "" "" "$reshift" finetune --quiet --weights $before --data folder:$photos \
        --size $size --lr 0 --epochs 1 --batch 8 --out tuned$size.safetensors
    check "its network, read again," 0 "clean" - "$reshift" eval --quiet --weights tuned$size.safetensors \
        --data folder:$photos --allow-leak --out after$size.csv
    check "and the one it came from at that size" 0 "clean" "" "$reshift" eval --quiet --weights $before \
        --data folder:$photos --size $size --out before$size.csv
    holds "are right alike" test "$(value after$size.csv nll)" = "$(value before$size.csv nll)"
done
check "sizes below the smallest are refused by all alike" 2 - "from 8 to 4096" "$reshift" predict --weights $before \
    --size 7 made/brightness/1
check "by the settings too" 2 - "from 8 to 4096" "$reshift" demo --set input.size=7 --out small
finish
