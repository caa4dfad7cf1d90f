#!/bin/sh
# The programs of examples/ are built as a user builds them, from an installed library with pkg-config alone, and run on a few
# made-up images: with the shared library, and with the static one (pkg-config --static).
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/../cli/tap.sh"
source=${RESHIFT_SOURCE:?}
cc=${RESHIFT_CC:-cc}
cd "$work" || exit 1
export RESHIFT_DATA="$work/no-data"

check "meson install" 0 "" "" meson install -C "${RESHIFT_BUILD:?}" --no-rebuild --quiet --destdir "$work/root"
pc=$(find "$work/root" -name reshift.pc)
prefix=$(sed -n 's/^prefix=//p' "$pc")
libdir=$(dirname "$(dirname "$pc")")
PKG_CONFIG_PATH=$libdir/pkgconfig
export PKG_CONFIG_PATH
flags() { pkg-config --define-variable=prefix="$work/root$prefix" "$@" reshift; }
installed() { test -f "$1/reshift.h" && test -f "$1/version.h" && ! test -e "$1/meson.build" && ! test -e "$1/version.h.in"; }
holds "the headers are installed, and nothing else" installed "$work/root$prefix/include/reshift"
holds "examples are short" sh -c 'for f in "$1"/examples/*.c; do test "$(wc -l <"$f")" -le 60 || exit 1; done' sh "$source"
holds "and use only the installed library" sh -c '! grep -h "#include" "$1"/examples/*.c | grep -vE "<(reshift/[a-z]+|[a-z]+)\.h>"' sh "$source"

# Without optimisation, in a folder of its own: nothing of the source tree is on a path.
build() { # NAME SUFFIX FLAGS...
    file=$1 out=$1$2
    shift 2
    # shellcheck disable=SC2086
    $cc -std=c11 -Wall -Wextra -Werror "$file.c" -o "$out" "$@"
}
cp "$source"/examples/*.c "$source/tests/examples/make_weights.c" .
for name in features probe robustness make_weights; do
    # shellcheck disable=SC2046
    holds "$name is built" build $name "" $(flags --cflags --libs)
done
mkdir static
cp -R "$work/root" "$work/static/root"
rm "$work"/static/root"${libdir#"$work/root"}"/libreshift.so*
static_flags() { pkg-config --static --define-variable=prefix="$work/static/root$prefix" "$@" reshift; }
for name in features probe robustness; do
    # shellcheck disable=SC2046
    holds "$name is built with the static library" build $name -static $(static_flags --cflags --libs)
done
alone() { ! ldd ./features-static | grep -q libreshift; }
holds "which needs no libreshift.so" alone

# made-up images, a folder a class
made="$reshift corrupt --quiet --data demo --format folder --corruption brightness --severity 1"
check "images" 0 "" "" $made --limit 24 --out images
check "other images" 0 "" "" $made --limit 24 --seed 7 --out others
photos=images/brightness/1
others=others/brightness/1
classes=$(find $photos -mindepth 1 -maxdepth 1 -type d | wc -l)
export LD_LIBRARY_PATH="$libdir"
check "weights" 0 "" "" ./make_weights "$classes" w.safetensors
check "features" 0 "24 images of $classes classes, " "" ./features w.safetensors $photos train.npy train-labels.npy
check "features of others" 0 "features each" "" ./features w.safetensors $others test.npy test-labels.npy
check "are an array" 0 "shape: [24," "" "$reshift" inspect train.npy
check "probe" 0 "test accuracy " "" ./probe train.npy train-labels.npy test.npy test-labels.npy
check "robustness" 0 "gaussian_blur    5 " "" ./robustness w.safetensors $photos gaussian_blur
./robustness w.safetensors $photos gaussian_blur >shared.txt 2>/dev/null
check "six lines: clean and five severities" 0 "6" "" sh -c 'wc -l <shared.txt'
check "no weights" 1 - "robustness: " ./robustness nothing.safetensors $photos gaussian_blur
check "no such corruption" 1 - "robustness: " ./robustness w.safetensors $photos rain
check "wrong usage" 2 - "usage: features" ./features
unset LD_LIBRARY_PATH
check "probe, static" 0 "test accuracy " "" ./probe-static train.npy train-labels.npy test.npy test-labels.npy
check "features, static" 0 "24 images" "" ./features-static w.safetensors $photos again.npy again-labels.npy
holds "the same bytes" cmp train.npy again.npy
./robustness-static w.safetensors $photos gaussian_blur >static.txt 2>/dev/null
holds "the same accuracies" cmp shared.txt static.txt
finish
