#!/bin/sh
# One allocation of the project's own code fails. Either the command ends with exit status 1 and "out of memory" and
# leaves only complete outputs, or it did not need the memory and everything is as without the failure. It never gives
# another result, another status, or a crash.
# FAILING_ALLOCATION is failing_allocation.c, to be preloaded. MEMORY_POINTS: number of allocations tried per command.
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 1
shim=${FAILING_ALLOCATION:?}
points=${MEMORY_POINTS:-25}
export OMP_NUM_THREADS=1
need_allocations "$shim"

tiny_study study >study.out 2>study.err || { echo "Bail out! the tiny study failed"; cat study.err; exit 1; }
net=study/weights/finetuned.safetensors
"$reshift" extract --quiet --weights $net --data demo --split train --limit 60 --out f.npy --labels-out l.npy >/dev/null
"$reshift" extract --quiet --weights $net --data demo --limit 30 --out t.npy --labels-out tl.npy >/dev/null

# The table of epochs ends with seconds.
same_words() { [ "$(sed 's/ *[0-9.]*$//' "$1")" = "$(sed 's/ *[0-9.]*$//' "$2")" ]; }

survives() { # NAME OUTPUT COMMAND...
    name=$1 file=$2
    shift 2
    rm -rf "$file" "$work.said"
    FAIL_ALLOCATION=0 FAIL_COUNT_FILE=count LD_PRELOAD="$shim" "$@" >reference.out 2>reference.err
    found=$? good=yes
    total=$(cat count)
    [ "$found" = 0 ] && [ "$total" -gt 0 ] || { good=no; head -3 reference.err >"$work.said"; }
    rm -rf reference
    [ ! -e "$file" ] || cp -r "$file" reference
    step=$(((total + points - 1) / points)) n=1
    while [ $n -le "$total" ] && [ $good = yes ]; do
        rm -rf "$file"
        FAIL_ALLOCATION=$n LD_PRELOAD="$shim" "$@" >once.out 2>once.err
        found=$?
        case $found in
        0) same_words reference.out once.out && { [ ! -e reference ] || diff -r reference "$file" >/dev/null; } || good=no ;;
        1) grep -q "out of memory" once.err && { [ ! -e "$file" ] || diff -r reference "$file" >/dev/null; } || good=no ;;
        *) good=no ;;
        esac
        [ $good = yes ] || { echo "allocation $n of $total: status $found"; head -3 once.err; ls -l "$file"; } >"$work.said" 2>&1
        n=$((n + step))
    done
    verdict $good "$name, $total allocations"
}

survives "probe by L-BFGS" h.safetensors "$reshift" probe --quiet --json --method lbfgs --l2 1 --train f.npy l.npy --test t.npy tl.npy --out h.safetensors
survives "probe by L-BFGS, penalty chosen" h.safetensors "$reshift" probe --quiet --json --method lbfgs --class-weight balanced --train f.npy l.npy --out h.safetensors
survives "probe by Adam" h.safetensors "$reshift" probe --quiet --lr 1e-3 --epochs 1 --train f.npy l.npy --out h.safetensors
survives "class means" h.safetensors "$reshift" probe --quiet --json --method mean --train f.npy l.npy --test t.npy tl.npy --out h.safetensors
survives "neighbours" none "$reshift" probe --quiet --json --method neighbours --train f.npy l.npy --test t.npy tl.npy
survives "predictions" p.csv "$reshift" predict --quiet --json --weights $net --data demo --limit 6 --out p.csv
survives "features" x.npy "$reshift" extract --quiet --force --json --weights $net --data demo --limit 6 --out x.npy
survives "inspect" none "$reshift" inspect --json f.npy $net
finish
