# What command-line tests share: one line a case, spoken as TAP. Source it, call `check`, end with `finish`.
#
#   check NAME STATUS OUT ERR COMMAND...   runs COMMAND; its exit status is STATUS, its stdout contains OUT and its stderr
#                                          ERR ("" is not looked at, "-" must be empty)
#   holds NAME COMMAND...                  COMMAND succeeds (test -f ..., ! test -e ...)
#
# $reshift is the program, $work an empty folder that goes when the script ends.
reshift=${RESHIFT_PROGRAM:?}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cases=0
failures=0

verdict() { # GOOD NAME
    cases=$((cases + 1))
    if [ "$1" = yes ]; then
        echo "ok $cases - $2"
    else
        failures=$((failures + 1))
        echo "not ok $cases - $2"
        sed 's/^/#   /' "$work.said"
    fi
}

contains() { # FILE WORDS
    case $2 in
    "") return 0 ;;
    -) [ ! -s "$1" ] ;;
    *) grep -qF -- "$2" "$1" ;;
    esac
}

check() {
    name=$1 status=$2 out=$3 err=$4
    shift 4
    "$@" >"$work.out" 2>"$work.err" </dev/null
    found=$?
    good=yes
    { echo "\$ $*"; echo "status $found, expected $status; stdout should hold '$out', stderr '$err'"; echo "stdout:"
      head -20 "$work.out"; echo "stderr:"; head -20 "$work.err"; } >"$work.said"
    [ "$found" = "$status" ] && contains "$work.out" "$out" && contains "$work.err" "$err" || good=no
    verdict $good "$name"
}

holds() {
    name=$1
    shift
    echo "\$ $*" >"$work.said"
    if "$@" >>"$work.said" 2>&1; then verdict yes "$name"; else verdict no "$name"; fi
}

absent() { [ ! -e "$1" ]; }

# Skips the script if the preloaded library SHIM sees no allocation: the sanitizers replace malloc, and a test without a
# failing allocation would pass.
need_allocations() { # SHIM
    rm -f "$work/seen"
    FAIL_ALLOCATION=0 FAIL_COUNT_FILE="$work/seen" LD_PRELOAD="$1" "$reshift" corrupt --quiet --data demo --limit 1 \
        --corruption brightness --severity 1 --out "$work/seen-set" >/dev/null 2>&1
    rm -rf "$work/seen-set"
    [ "$(cat "$work/seen" 2>/dev/null || echo 0)" -gt 0 ] && return 0
    echo "1..0 # skip the preloaded allocator does not work in this build"
    exit 0
}

# Compares two files of one number per line: the same number of lines, and each pair differs by less than BOUND. Numbers
# that were rounded may not be compared for equality: the last bits of a sum depend on the batch and on the instruction
# set, and can be on two sides of a rounding boundary.
near() { # BOUND FILE FILE
    [ "$(wc -l <"$2")" = "$(wc -l <"$3")" ] || { echo "$(wc -l <"$2") and $(wc -l <"$3") lines"; return 1; }
    paste "$2" "$3" | awk -v bound="$1" '{ d = $1 - $2; if (NF != 2 || d >= bound || -d >= bound) { print "line " NR ": " $0; bad = 1 } }
        END { exit bad || NR == 0 }'
}

# No temporary file of ours remains below the folder.
clean() { ! find "$1" -name '?*.reshift-part*' | grep .; }

# No number in these files has a shorter form that reads back the same.
shortest() {
    grep -ohE '[-+]?[0-9]+\.[0-9]+([eE][-+]?[0-9]+)?' "$@" | awk '
        { digits = $0; sub(/[eE].*/, "", digits); zeros = digits ~ /\.[0-9]+0$/; gsub(/[^0-9]/, "", digits)
          sub(/^0+/, "", digits); sub(/0+$/, "", digits); n = length(digits)
          for (d = 1; d < n && !zeros; d++) zeros = sprintf("%." d "g", $0) + 0 == $0 + 0
          if (zeros) { print $0 " is longer than it needs to be"; bad = 1 } }
        END { if (NR == 0) print "no numbers"; exit bad || NR == 0 }'
}

finish() {
    echo "1..$cases"
    rm -f "$work.out" "$work.err" "$work.said"
    [ "$failures" = 0 ]
}

# The embedded study with tiny settings, in $1.
tiny_study() {
    folder=$1
    shift
    "$reshift" demo --quiet --out "$folder" --set source.limit_train=240 --set source.limit_test=50 \
        --set pretrain.limit=256 --set pretrain.epochs=1 --set probe.epochs=3 --set finetune.samples=100 \
        --set finetune.epochs=1 --set finetune.monitor=20 "$@"
}
