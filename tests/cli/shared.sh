#!/bin/sh
# The program linked with the shared library behaves like the program: everything it uses is exported.
. "$(dirname "$0")/tap.sh"
shared=${RESHIFT_SHARED:?}

uses_library() { ldd "$shared" | grep 'libreshift\.so'; }
holds "the shared library is loaded" uses_library
"$reshift" --version >"$work/version"
same_version() { "$shared" --version | cmp - "$work/version"; }
holds "--version says the same" same_version
check "corrupts the demo set" 0 "" "" "$reshift" corrupt --quiet --data demo --limit 2 --corruption fog --severity 1-2 --out "$work/a"
check "corrupts the demo set, with the shared library" 0 "" "" \
    "$shared" corrupt --quiet --data demo --limit 2 --corruption fog --severity 1-2 --out "$work/b"
holds "the same bytes" cmp "$work/a/fog.npy" "$work/b/fog.npy"
check "the first status of a failed command" 2 "-" "unknown command" "$shared" nonsense
finish
