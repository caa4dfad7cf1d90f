#!/bin/sh
# reshift corrupt as users run it: both layouts, images of any kind, the sheet, frost's overlays, and all errors.
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
real=${RESHIFT_DATA:-}
pictures=$(cd "$(dirname "$0")/../formats/golden" && pwd -P)
cd "$work" || exit 1
export RESHIFT_DATA="$work/data"
mkdir data

# the list
check "the list" 0 "constants: standard deviation of 1" - "$reshift" corrupt --list
check "the list holds CIFAR's constants" 0 "    cifar     0.04 0.06 0.08 0.09 0.1" - "$reshift" corrupt --list
check "the list has ImageNet's constants" 0 "    imagenet  (10, 3) (15, 5) (15, 8) (15, 12) (20, 15)" - "$reshift" corrupt --list
check "the list as JSON" 0 '"parameters": "quality"' - "$reshift" corrupt --list --json
holds "the list has 19 rows" sh -c '"$1" corrupt --list --json | grep -c "\"name\"" | grep -qx 19' sh "$reshift"

# arrays
all="$reshift corrupt --quiet --data demo --limit 12 --seed 5"
check "all corruptions" 0 "C/gaussian_noise.npy" "frost overlays are drawn procedurally" $all --corruption all --out C
holds "all corruptions make 19 files and labels" sh -c 'test $(ls C | wc -l) = 20'
check "arrays of five severities" 0 "[60,32,32,3]" - "$reshift" inspect C/fog.npy
check "labels of five severities" 0 "shape: [60]" - "$reshift" inspect C/labels.npy
check "all corruptions on one thread" 0 "" "" $all --threads 1 --corruption all --out C1
holds "the bytes do not depend on threads" diff -r C C1
check "one severity of fewer images, as JSON" 0 '"images": 4' "" "$reshift" corrupt --quiet --json --data demo --limit 4 --seed 5 --corruption snow --severity 5 --out C2
tail -c 49152 C/snow.npy | head -c 12288 >first4
tail -c 12288 C2/snow.npy >alone4
tail -c 36864 C/snow.npy | head -c 12288 >of5
holds "severity 5 is the same by itself" cmp -s of5 alone4
fogged="$reshift corrupt --quiet --data npy:C/fog.npy,C/labels.npy --severity 3 --corruption snow,contrast"
check "a set of arrays" 0 "C3/snow.npy" "" $fogged --out C3
check "with another seed" 0 "" "" $fogged --seed 6 --out C6
holds "another seed gives other random draws" sh -c '! cmp -s C3/snow.npy C6/snow.npy'
holds "another seed does not change deterministic corruptions" cmp -s C3/contrast.npy C6/contrast.npy
check "constants of choice" 0 '"constants": "imagenet"' "" "$reshift" corrupt --quiet --json --data demo --limit 4 --corruption contrast --constants imagenet --out C4
holds "are others" sh -c '! cmp -s C/contrast.npy C4/contrast.npy'
check "other names in use" 0 "C5/jpeg_compression.npy" "" "$reshift" corrupt --quiet --data demo --limit 2 --corruption jpeg,frosted_glass_blur --out C5

# frost
check "a network to measure with" 0 "" "" "$reshift" demo --quiet --out net --set source.limit_train=100 --set source.limit_test=20 --set pretrain.limit=64 --set pretrain.epochs=1 --set probe.epochs=1 --set finetune.samples=20 --set finetune.epochs=1 --set finetune.monitor=0 --set shift.corruption=frost
holds "the run says that frost is drawn" grep -q '"note": "frost overlays are drawn procedurally' net/manifest.json
cp net/weights/pretrained.safetensors net.safetensors
check "frost drawn says so in JSON" 0 '"note": "frost overlays are drawn' "warning: frost overlays" "$reshift" corrupt --quiet --json --data demo --limit 2 --corruption frost --out F1
check "and where images are measured" 0 "" "warning: frost overlays are drawn" "$reshift" eval --quiet --weights net.safetensors --head net/weights/probe.safetensors --data demo --limit 2 --corruption frost
mkdir data/frost
check "frost's folder without pictures" 1 - "frost1.png" "$reshift" corrupt --quiet --data demo --limit 2 --corruption frost --out F2
check "and the next step" 1 - "hint: reshift fetch frost" "$reshift" corrupt --quiet --data demo --limit 2 --corruption frost --out F2
check "which others do not need" 0 "" - "$reshift" corrupt --quiet --data demo --limit 2 --corruption fog --out F3
rmdir data/frost
if [ -f "$real/frost/frost1.png" ]; then
    check "fetch frost" 0 "" - "$reshift" fetch --quiet frost --mirror "$(cd "$real/frost" && pwd -P)"
    holds "six files" sh -c 'test $(ls data/frost | wc -l) = 6'
    check "frost of the published pictures" 0 "F4/frost.npy" - "$reshift" corrupt --quiet --data demo --limit 2 --corruption frost --out F4
    holds "is another" sh -c '! cmp -s F1/frost.npy F4/frost.npy'
    rm -r data/frost
fi

# image folders: the demo's own pictures, then grey and with alpha, of many sizes
check "a folder of images" 0 "D/fog" - "$reshift" corrupt --quiet --data demo --limit 12 --seed 5 --corruption fog,pixelate --severity 2-3 --format folder --out D
holds "two severities of twelve images, twice" sh -c 'test $(find D -name "*.png" | wc -l) = 48'
class=$(ls D/fog/2 | head -1)
picture=$(ls "D/fog/2/$class" | head -1)
holds "each severity says how it was made" grep -q '"constants": "cifar"' D/fog/2/preparation.json
check "a folder made of that folder" 0 "E/gaussian_noise" - "$reshift" corrupt --quiet --data folder:D/fog/2 --corruption gaussian_noise --severity 1 --format folder --out E
holds "keeps class and name" test -f "E/gaussian_noise/1/$class/$picture"
mkdir -p K/grey K/alpha
cp "$pictures"/image_L.png "$pictures"/image_I16.png "$pictures"/image_L.jpg K/grey
cp "$pictures"/image_RGBA.png "$pictures"/image_LA16.png "$pictures"/image_P4.png K/alpha
check "grey and alpha images, palettes and 16 bits" 0 "M/fog" "" "$reshift" corrupt --quiet --data folder:K --corruption fog,elastic --severity 5 --format folder --out M
holds "each become two" sh -c 'test $(find M -name "*.png" | wc -l) = 12'
check "in red, green and blue" 0 "colour: rgb" - "$reshift" inspect M/fog/5/grey/image_I16.png
check "one size for all" 0 "[2,40,40,3]" - sh -c '"$1" corrupt --quiet --data folder:D/fog/2 --limit 2 --size 40 --corruption contrast --severity 3 --out G >/dev/null && "$1" inspect G/contrast.npy' sh "$reshift"
check "which says what constants it takes" 0 "" "images of 40x40: the published constants for 32x32 are used" "$reshift" corrupt --data folder:D/fog/2 --limit 2 --size 40 --corruption contrast --severity 3 --out G2

# the sheet
check "a sheet" 0 "sheet.png" "" "$reshift" corrupt --quiet --data demo --image 3 --sheet sheet.png
check "is a picture" 0 "width: 866" - "$reshift" inspect sheet.png
check "the sheet again" 0 "" "" "$reshift" corrupt --quiet --data demo --image 3 --sheet again.png --threads 1
holds "the sheet has the same bytes" cmp -s sheet.png again.png
check "the sheet is not overwritten" 1 - "'sheet.png' exists already" "$reshift" corrupt --data demo --sheet sheet.png
check "the sheet of a missing image" 1 - "row 2000: expected 0 to 1999" "$reshift" corrupt --quiet --data demo --image 2000 --sheet none.png
check "a sheet and an array" 0 "S/contrast.npy" "" "$reshift" corrupt --quiet --data demo --limit 2 --sheet s.png --corruption contrast --out S

# wrong usage
check "severity 0" 2 - "--severity: expected a number from 1 to 5" "$reshift" corrupt --data demo --corruption fog --severity 0 --out x
check "severity 6" 2 - "found '6'" "$reshift" corrupt --data demo --corruption fog --severity 6 --out x
check "a misspelled corruption" 2 - "hint: did you mean 'zoom_blur'?" "$reshift" corrupt --data demo --corruption zom_blur --out x
check "an unknown corruption without a near name" 2 - "hint: the corruptions are gaussian_noise" "$reshift" corrupt --data demo --corruption xyzzyxyzzy --out x
check "one wrong name among right ones" 2 - "no corruption 'fogg'" "$reshift" corrupt --data demo --corruption contrast,fogg --out x
check "an unknown format" 2 - "--format: expected npy or folder, found 'zip'" "$reshift" corrupt --data demo --corruption fog --format zip --out x
check "a corruption without --out" 2 - "expected --data, and --corruption with --out, or --sheet" "$reshift" corrupt --data demo --corruption fog
check "an image without a sheet" 2 - "there is no --sheet" "$reshift" corrupt --data demo --corruption fog --out x --image 3
check "many sizes in one array" 1 - "hint: write it as a folder of images: --format folder; or bring all to one size: --size 224" "$reshift" corrupt --data folder:D/fog/2 --corruption contrast --out x
npy() { printf '\223NUMPY\001\000v\000%-117s\n%s' "{'descr': '|u1', 'fortran_order': False, 'shape': ($1), }" "$2"; }
npy '1, 2, 2, 3' 000000000000 >tiny.npy
npy '1,' "$(printf '\001')" >tiny-labels.npy
check "too small for one of two" 1 - "elastic_transform: an image of 2x2 is too small" "$reshift" corrupt --quiet --data npy:tiny.npy,tiny-labels.npy --corruption contrast,elastic --out x
check "a set that is already corrupted" 2 - "reshift: " "$reshift" corrupt --data cifar10-c --corruption contrast --out x
holds "none of them made a folder" absent x

# existing files
rm C1/elastic_transform.npy
check "an existing array" 1 - "'C1/contrast.npy' exists already" "$reshift" corrupt --quiet --data demo --limit 12 --corruption elastic_transform,contrast --seed 9 --out C1
holds "an existing array stops the command before any work" absent C1/elastic_transform.npy
holds "an existing array is unchanged" cmp -s C/contrast.npy C1/contrast.npy
check "an existing folder" 1 - "'D/fog' exists already" "$reshift" corrupt --quiet --data demo --limit 12 --corruption fog --format folder --out D
check "an existing folder with --force" 0 "D/fog" - "$reshift" corrupt --quiet --force --data demo --limit 12 --seed 5 --corruption fog --severity 2-3 --format folder --out D
check "labels of another set" 1 - "labels.npy' holds other labels" sh -c 'mkdir L && cp C/labels.npy L && "$1" corrupt --quiet --data demo --limit 13 --corruption contrast --out L' sh "$reshift"

# full disks, Ctrl-C
full() { (ulimit -f "$1"; shift; "$@"); }
mkdir disk
check "no room for arrays" 1 - "File too large" full 300 "$reshift" corrupt --quiet --data demo --corruption contrast --out disk
check "no room for images" 1 - "cannot write 'disk" full 1 "$reshift" corrupt --quiet --data demo --limit 20 --corruption gaussian_noise --format folder --out disk
check "no room for a sheet" 1 - "disk/sheet.png" full 8 "$reshift" corrupt --quiet --data demo --sheet disk/sheet.png
holds "a full disk leaves no partial files" test -z "$(ls -A disk)"
for format in npy folder; do
    "$reshift" corrupt --quiet --threads 1 --data demo --corruption zoom_blur,gaussian_blur,spatter --format $format --out stopped >stop.out 2>stop.err &
    process=$!
    tries=0
    while ! ls -A stopped 2>/dev/null | grep -q part && [ $tries -lt 400 ]; do sleep 0.01; tries=$((tries + 1)); done
    kill -INT $process
    wait $process
    status=$?
    holds "Ctrl-C ends with 130 while writing $format (found $status)" test $status = 130
    holds "Ctrl-C is reported" grep -q "stopped on request" stop.err
    holds "Ctrl-C leaves no partial files" sh -c '! ls -A stopped 2>/dev/null | grep part'
    rm -rf stopped
done
finish
