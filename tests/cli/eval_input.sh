#!/bin/sh
# Input that eval cannot use: folders, labels, baselines. One message each, before any work; and unusual input that is
# valid.
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 1
export RESHIFT_DATA="$work/data"
mkdir data
tiny_study study >study.out 2>&1
table() { "$reshift" eval --quiet --weights study/weights/pretrained.safetensors --head study/weights/probe.safetensors "$@"; }
"$reshift" corrupt --quiet --format folder --data demo --limit 50 --corruption brightness --severity 1 --out made >/dev/null

class() { # FOLDER CLASS N: N images of one class
    mkdir -p "$1/$2"
    find made/brightness/1 -name '*.png' | sort | head -"$3" | while read -r image; do cp "$image" "$1/$2"; done
}
npy() { # FILE DTYPE SHAPE BYTES: a .npy of version 1, BYTES as printf takes them
    text="{'descr': '$2', 'fortran_order': False, 'shape': ($3), }"
    { printf '\223NUMPY\001\000\166\000%-117s\n' "$text"; printf "$4"; } >"$1"
}

# Folders.
class new/train a 2; class new/train b 2; class new/test a 1; class new/test b 1; class new/test z 1
check "a class without training images" 1 - "class 'z' is in 'new/test' and not in 'new/train'" table --data folder:new
class new/train z 1; class new/train y 1
check "a class without test images" 1 - "class 'y' is in 'new/train' and not in 'new/test'" table --data folder:new
check "a class without test images, with a hint" 1 - "hint: both splits need the same class folders" table --data folder:new
class one 0 1; class one 1 1; class one 2 1; class other a 1; class other b 1; class other c 1
check "one image per class" 0 "matched by number; all outputs count" "" table --data folder:one --corruption fog --severity 1 --size 32
tuned() { "$reshift" eval --quiet --weights study/weights/finetuned.safetensors "$@"; }
check "classes of other names" 1 - "class 'a' of the set is none of the network's 10 classes (0 of the set's 3 are)" tuned --data folder:other --size 32
check "unknown class names, with a hint" 1 - "hint: give a network with a last layer for these classes (--head), or say" tuned --data folder:other --size 32
"$reshift" extract --quiet --weights study/weights/pretrained.safetensors --data demo --split test --limit 50 --out plain.npy --labels-out plain-labels.npy >/dev/null
rm plain.npy.json # it names the classes
"$reshift" probe --quiet --train plain.npy plain-labels.npy --epochs 1 --out plain.safetensors >/dev/null
check "a network without names" 1 - "10 outputs without names, the set 3 classes ('a', ...)" "$reshift" eval --quiet --weights study/weights/pretrained.safetensors \
    --head plain.safetensors --data folder:other --size 32
printf 'class,output\na,star\nb,2\nc,2\n' >map.csv
check "a class map" 0 "the set's 3 are among the network's 10 outputs, matched by file map.csv; all outputs count" "" \
    tuned --data folder:other --size 32 --class-map map.csv
printf 'a,star\nb,unicorn\n' >wrong.csv
check "an invalid class map" 1 - "class map 'wrong.csv' line 2: 'unicorn' is none of the network's 10 classes" tuned --data folder:other --size 32 --class-map wrong.csv
# Some of the network's classes, in another order: the same images are right and wrong as in the whole set.
class some star 3; class some Circle 2
check "some of the classes, by name" 0 "the set's 2 are among the network's 10 outputs, matched by name; all outputs count" "" \
    tuned --data folder:some --size 32 --out chosen
holds "the results name the classes" grep -q '"by": "name"' chosen/results.json
check "only the set's classes" 0 "only these outputs count" "" tuned --data folder:some --size 32 --restrict-classes
check "the results state the restriction" 0 '"counted": "classes of the set"' "" tuned --data folder:some --size 32 --restrict-classes --json
check "a sample of all images" 0 "3 images a cell" "" table --data folder:one --sample 3 --size 32
class hollow a 2; mkdir hollow/b
check "an empty class folder" 1 - "class 'b' has no images: 'hollow/b' is empty" table --data folder:hollow
mkdir bare
check "an empty folder" 1 - "no class folders in 'bare'" table --data folder:bare
for c in a b c d e f g h i j k; do class many $c 1; done
check "more classes than the head has" 1 - "the network has 10 classes, the data has 11" table --data folder:many

# Labels of six black images of 2x2.
npy x.npy '|u1' '6, 2, 2, 3' "$(printf '\\000%.0s' $(seq 72))"
npy y.npy '|u1' 6, '\000\001\002\003\004\011'
check "valid labels" 0 "6 images a cell" - table --data npy:x.npy,y.npy
npy two.npy '|u1' 6, '\000\001\000\001\000\001'
check "fewer classes than the network's" 0 "the set's 2 are among the network's 10 outputs, matched by number; all outputs count" "" table --data npy:x.npy,two.npy
check "severities of nothing" 2 - "--severity goes with --corruption" table --data npy:x.npy,y.npy --severity 3
npy five.npy '|u1' 5, '\000\001\002\003\004'
check "labels of fewer images" 1 - "labels 'five.npy': expected integers [6], one for each row, found uint8 [5]" table --data npy:x.npy,five.npy
npy ten.npy '|u1' 6, '\000\001\002\003\004\012'
check "a label outside the head's classes" 1 - "the network has 10 classes, the data has 11" table --data npy:x.npy,ten.npy
check "a label out of range, with a hint" 1 - "hint: give the layer trained on these classes with --head" table --data npy:x.npy,ten.npy
npy below.npy '|i1' 6, '\000\001\002\003\004\377'
check "a label below 0" 1 - "labels 'below.npy': row 5: expected a label from 0 to 999999, found -1" table --data npy:x.npy,below.npy
npy part.npy '<f2' 6, '\000\074\000\074\000\074\000\074\000\074\000\074'
check "labels that are not integers" 1 - "labels 'part.npy': expected integers [6], one for each row, found float16 [6]" table --data npy:x.npy,part.npy

# Baselines.
baseline() { # FILE SKIPPED CORRUPTION VALUE: a table without SKIPPED ("name severity" or "name"), VALUE at "CORRUPTION severity"
    awk -v skipped="$2" -v place="$3" -v value="$4" 'BEGIN {
        n = split("gaussian_noise shot_noise impulse_noise defocus_blur glass_blur motion_blur zoom_blur snow frost fog brightness " \
                  "contrast elastic_transform pixelate jpeg_compression", names, " ")
        for (i = 1; i <= n; i++) for (s = 1; s <= 5; s++) {
            here = names[i] " " s
            if (skipped == names[i] || skipped == here) continue
            first = first "," names[i]; second = second "," s; third = third "," (here == place ? value : 0.5)
        }
        print first; print second; print "Standard" third }' >"$1"
}
baseline good.csv none none 0
baseline short.csv fog none 0
baseline gap.csv "snow 4" none 0
baseline word.csv none "frost 2" n/a
baseline percent.csv none "frost 2" 75.7
check "a valid baseline" 0 "ce" - table --data npy:x.npy,y.npy --baseline good.csv
for flaw in "short|line 2: expected fog at severities 1 to 5, found none of them" \
    "gap|line 2: expected snow at severities 1 to 5, found 4 of them: severity 4 is missing" \
    "word|line 3: network 'Standard', frost at severity 2: expected an accuracy from 0 to 1, found 'n/a'" \
    "percent|line 3: network 'Standard', frost at severity 2: expected an accuracy from 0 to 1, found '75.7'" \
    "percent|hint: accuracies are fractions, not per cent: 0.757"; do
    check "a baseline, $flaw" 1 - "${flaw#*|}" table --data npy:x.npy,y.npy --baseline "${flaw%%|*}.csv"
done
check "a network missing in the baseline" 1 - "baseline 'good.csv' holds no network 'Standart', of its 1" table --data npy:x.npy,y.npy \
    --baseline good.csv:Standart
check "a missing network, with the nearest name" 1 - "hint: did you mean 'Standard'?" table --data npy:x.npy,y.npy --baseline good.csv:Standart
check "a baseline that is not a file" 1 - "cannot open 'absent.csv'" table --data npy:x.npy,y.npy --baseline absent.csv
finish
