#!/bin/sh
# Checkpoints and other files as users have them: the network that is read is named, a wrong file is named, and no text
# from a file controls the terminal.
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
golden=$(cd "$(dirname "$0")/../formats/golden" && pwd)
cd "$work" || exit 1
export RESHIFT_DATA="$work/data"
mkdir data

# No byte of the two outputs is a control character other than a newline, nor C1 in UTF-8 or alone.
quiet() { ! LC_ALL=C grep -qP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]' "$work.out" "$work.err"; }

esc=$(printf '\033')
evil="x$esc]0;TITLE$(printf '\007')$(printf '\302\233')31m$(printf '\342\200\256')y"
# a safetensors file whose tensor, metadata and class names are hostile
header='{"__metadata__":{"note\u001b[2J":"v\u009b31m\u202e","class_names":"[\"\u001b[31m\"]"},"a\u001b]0;T\u0007\n":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
length=$(printf '%s' "$header" | wc -c)
{ printf "\\$(printf %o "$((length % 256))")\\$(printf %o "$((length / 256))")\\000\\000\\000\\000\\000\\000"; printf '%s' "$header"; printf '\000\000\000\000'; } >"evil$evil.safetensors"
check "a tensor with a hostile name" 0 "float32" - "$reshift" inspect "evil$evil.safetensors"
holds "the hostile name is shown cleaned" quiet
check "a hostile name as JSON" 0 '"float32"' - "$reshift" inspect --json "evil$evil.safetensors"
holds "the hostile name is escaped in JSON" quiet
check "the hostile file refused as weights" 1 - "cannot read weights" "$reshift" predict --weights "evil$evil.safetensors" x.png
holds "the refusal contains clean text" quiet
for command in "inspect" "predict --weights" "pca" "report" "run" "sweep" "eval --data demo --weights" "probe --train" "$evil" "inspect --$evil"; do
    # shellcheck disable=SC2086
    "$reshift" $command "no$evil" >"$work.out" 2>"$work.err" </dev/null
    holds "a hostile argument of '$(printf '%s' "$command" | tr -cd 'a-z -')' is shown clean" quiet
done

tiny_study study >/dev/null
weights=study/weights/finetuned.safetensors
printf 'one%s\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n' "$evil" >names.txt
n=$("$reshift" inspect --json $weights | sed -n 's/^ *"classes": \([0-9]*\),.*/\1/p')
head -n "$n" names.txt >own.txt
check "classes with hostile names" 0 "named.safetensors" "" "$reshift" export --weights $weights --classes own.txt --out named.safetensors
check "predictions with hostile class names" 0 "%" "" "$reshift" predict --weights named.safetensors --top "$n" "$golden/image_95.jpg"
holds "class names are shown without control characters" quiet
check "predictions with hostile class names as JSON" 0 '"name"' "" "$reshift" predict --json --weights named.safetensors --top "$n" "$golden/image_95.jpg"
holds "class names are escaped in JSON" quiet
check "metadata under reshift's own names" 0 "reshift.input_size: 32" - "$reshift" inspect $weights
check "the network of the file" 0 "arch: resnet-demo" - "$reshift" inspect $weights

printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n' >pointer.pth
check "a Git LFS pointer as weights" 1 - "found a Git LFS pointer" "$reshift" predict --weights pointer.pth x.png
check "a Git LFS pointer, with a hint" 1 - "hint: the file itself was not downloaded" "$reshift" predict --weights pointer.pth x.png
printf '<!DOCTYPE html><html></html>' >page.npy
check "a web page as an array" 1 - "found an HTML page" "$reshift" inspect page.npy
check "objects next to the tensors" 0 "argparse.Namespace" - "$reshift" inspect "$golden/torch_objects.pth"
check "an archive of arrays" 0 "images.npy" - "$reshift" inspect "$golden/npz_three.npz"
check "a missing branch" 1 - "there is no network below 'ema'" "$reshift" predict --weights "$weights#ema" x.png
finish
