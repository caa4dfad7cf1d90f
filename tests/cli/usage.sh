#!/bin/sh
# Usage errors and first questions: overview, --help of every command, unknown words, meaningless values.
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"

check "no command shows the overview and is wrong usage" 2 - "usage: reshift COMMAND" "$reshift"
check "help" 0 "commands:" - "$reshift" help
check "--help" 0 "finetune  train chosen blocks" - "$reshift" --help
check "--version" 0 "reshift 0." - "$reshift" --version
for form in sse41 avx2 avx2_vnni avx512 avx512_vnni avx512_bf16 amx; do
    check "--version under RESHIFT_ISA=$form" 0 "(limited by RESHIFT_ISA)" - env RESHIFT_ISA=$form "$reshift" --version
done
check "the limit reaches our kernels" 0 "instructions: sse41 " - env RESHIFT_ISA=sse41 "$reshift" --version
check "the limit reaches oneDNN" 0 " (sse41)" - env RESHIFT_ISA=sse41 "$reshift" --version
check "oneDNN's own variable has no effect" 0 "$("$reshift" --version | sed -n 's/^oneDNN .* (/ (/p')" - \
    env ONEDNN_MAX_CPU_ISA=SSE41 DNNL_MAX_CPU_ISA=SSE41 "$reshift" --version
check "a short name" 0 "instructions: sse41 " - env RESHIFT_ISA=sse4 "$reshift" --version
check "the limit reaches OpenBLAS" 0 "OpenBLAS Nehalem" - env -u OPENBLAS_CORETYPE RESHIFT_ISA=sse41 "$reshift" --version
check "OPENBLAS_CORETYPE is respected" 0 "OpenBLAS Nehalem" - env OPENBLAS_CORETYPE=Nehalem RESHIFT_ISA=avx2 "$reshift" --version
case $(env -u OPENBLAS_CORETYPE "$reshift" --version) in
*"instructions: sse41"*) ;;
*) env -u OPENBLAS_CORETYPE "$reshift" --version >"$work/version"
    holds "a processor unknown to OpenBLAS gets matching kernels" sh -c '! grep -q "OpenBLAS Prescott" "$1"' sh "$work/version" ;;
esac
# a limit on the address space never makes the program hang. The sanitizers' own maps are larger than these.
if (ulimit -v 1000000 && "$reshift" --version) >/dev/null 2>&1; then
    check "an address space without room for OpenBLAS" 1 - "not enough address space: OpenBLAS takes 128 MiB for each of 1 thread" \
        sh -c 'ulimit -v 200000; exec timeout 20 env OMP_NUM_THREADS=1 "$1" --version' sh "$reshift"
    check "an address space without room for OpenBLAS' threads" 1 - "no address space for 64 threads: OpenBLAS takes 128 MiB for each" \
        sh -c 'ulimit -v 1000000; exec timeout 20 "$1" demo --threads 64 --out "$2"' sh "$reshift" "$work/never"
fi
check "RESHIFT_ISA unknown" 2 - "RESHIFT_ISA: expected sse41, avx2, avx2_vnni, avx512, avx512_vnni, avx512_bf16 or amx, found 'mmx'" \
    env RESHIFT_ISA=mmx "$reshift" demo
check "help of a command" 0 "usage: reshift probe --train" - "$reshift" help probe
check "a closed output of --help" 1 "" "cannot write the result" sh -c '"$1" probe --help >/dev/full' sh "$reshift"
check "help of an unknown command" 2 - "unknown command 'prob'" "$reshift" help prob
check "unknown command" 2 - "hint: did you mean 'reshift eval'?" "$reshift" evl
check "unknown command without a near name" 2 - "hint: 'reshift help' lists the commands" "$reshift" zzzzzzzzz

for command in run demo sweep report fetch calibrate extract probe eval export finetune corrupt pca predict inspect bench; do
    check "$command --help" 0 "usage: reshift $command" - "$reshift" $command --help
    check "$command --help has an example" 0 "example:" - "$reshift" $command --help
    check "$command with an unknown option" 2 - "$command: unknown option '--colour'" "$reshift" $command --colour
    check "$command -x" 2 - "$command: unknown option '-x'" "$reshift" $command -x
done
for command in run sweep report fetch extract probe eval export finetune corrupt pca predict inspect; do
    check "$command without arguments" 2 - "hint: 'reshift $command --help' shows how it is used" "$reshift" $command
done

check "misspelled option" 2 - "hint: did you mean '--weights'?" "$reshift" eval --weight x
check "option without its value" 2 - "eval: --weights needs W" "$reshift" eval --weights
check "option followed by an option" 2 - "eval: --weights needs W" "$reshift" eval --weights --data demo
check "flag with a value" 2 - "--json takes no value" "$reshift" eval --json=yes
check "unexpected word" 2 - "eval: unexpected word 'more'" "$reshift" eval more
check "too few words" 2 - "probe: --train needs FEATURES.npy LABELS.npy" "$reshift" probe --train a.npy
check "invalid number" 2 - "--threads: expected a whole number from 0 to 4096, found 'two'" "$reshift" demo --threads two
check "number out of range" 2 - "--top: expected a whole number from 1 to 1000, found '0'" "$reshift" predict --top 0 x.png
check "precision of a method that has none" 2 - "--precision is about --method adam" "$reshift" probe --method mean --precision bf16 --train a.npy l.npy --out x.safetensors
check "number with a suffix" 2 - "found '3x'" "$reshift" probe --epochs 3x
check "invalid rate" 2 - "--lr: expected a number above 0, at most 10, found 'nan'" "$reshift" probe --lr nan
check "severity out of range" 2 - "--severity: expected a number from 1 to 5 or a range" "$reshift" eval --severity 1-6
check "severity backwards" 2 - "found '3-2'" "$reshift" eval --severity 3-2
check "precision unknown" 2 - "expected f32, bf16, int8 or auto, found 'f64'" "$reshift" eval --precision f64
check "corruption of photographs" 2 - "--corruption goes with --data" "$reshift" predict --weights w --corruption fog x.png
check "limit of photographs" 2 - "--limit goes with --data" "$reshift" predict --weights w --limit 3 x.png
check "labels for some of the features" 2 - "--labels: expected one file, or 3, found 2" "$reshift" pca --features a b c --labels d e --out x
check "samples and other test data" 2 - "give one of them" "$reshift" finetune --weights w --data demo --out x --samples 3 --test-data demo
check "unknown block" 2 - "--train: there is no block 'layer9', expected some of conv1, layer1, layer2, layer3, layer4, fc, or all" "$reshift" finetune --weights w --data demo --out x --train layer9,fc
check "rate of a block that is not trained" 2 - "--lr: 'layer4=1e-3' is a rate of a block that is not trained: --train fc" "$reshift" finetune --weights w --data demo --out x --train fc --lr fc=1,layer4=1e-3
for zero in 0 0.0 -0 0e3; do
    check "l2 of $zero" 1 - "no.npy" "$reshift" probe --method lbfgs --l2 $zero --train no.npy no.npy --out x.safetensors
    check "weight decay, momentum, smoothing of $zero" 1 - "no.safetensors" "$reshift" finetune --weights no.safetensors --data demo --train fc --lr fc=$zero --weight-decay $zero --momentum $zero --label-smoothing $zero --out x.safetensors
done
for file in x.pth x.PT x.onnx x.npy x.txt; do
    check "weights written to $file" 2 - "what is written is .safetensors" "$reshift" finetune --weights w --data demo --out $file
    check "probe written to $file" 2 - "--out '$file': what is written is .safetensors" "$reshift" probe --train a b --out $file
done
check "features written to x.csv" 2 - "what is written is .npy" "$reshift" extract --weights w --data demo --out x.csv
check "history written to x.npy" 2 - "what is written is .csv" "$reshift" probe --train a b --history x.npy
check "calibrated weights written to x.onnx" 2 - "what is written is .safetensors" "$reshift" calibrate --weights w --data demo --out x.onnx
check "safetensors exported to x.onnx" 2 - "what is written is safetensors" "$reshift" export --weights w --format safetensors --out x.onnx
check "a name without an ending" 1 - "no.npy" "$reshift" probe --train no.npy no.npy --out x.v2
check "class weights of another method" 2 - "--class-weight is about --method adam and lbfgs" "$reshift" probe --method mean --class-weight balanced --train a b --out x
check "YAML as JSON" 2 - "--show prints YAML" "$reshift" demo --show --json
check "temperature of 0" 2 - "--temperature: expected a number above 0, at most 1000, found '0'" "$reshift" probe --method neighbours --temperature 0 --train a b --test a b
check "the largest seed" 1 - "no.npy" "$reshift" probe --seed 9223372036854775807 --train no.npy no.npy --out x.safetensors
check "a seed above the largest" 2 - "--seed: expected a whole number from 0 to 9223372036854775807, found '9223372036854775808'" "$reshift" probe --seed 9223372036854775808 --train no.npy no.npy --out x.safetensors
check "missing rate of a block" 2 - "--lr: no learning rate for block 'layer3'" "$reshift" finetune --weights w --data demo --out x --train layer3,fc
check "protocol unknown" 2 - "--protocol: expected by-image or by-row" "$reshift" finetune --weights w --data demo --out x --protocol by-hand
check "batch norm unknown" 2 - "--batchnorm: expected frozen, train, train-all or recalibrate" "$reshift" finetune --weights w --data demo --out x --batchnorm on
check "stage unknown" 2 - "unknown stage 'extrct', did you mean 'extract'?" "$reshift" bench extrct
check "constants unknown" 2 - "--constants: expected auto, cifar or imagenet" "$reshift" corrupt --data demo --corruption all --out "$work/x" --constants mnist

check "value with an equals sign" 0 "severity: 2-3" - "$reshift" demo --show --set=shift.severity=2-3
check "the resolved experiment" 0 "  weights: demo" - "$reshift" demo --show
check "short options change the resolved experiment" 0 "seed: 7" - "$reshift" demo --show --seed 7 --limit 30
check "keys" 0 "| \`finetune.lr\` |" - "$reshift" run --keys
check "corruptions listed" 0 "gaussian_blur      blur     deterministic, validation" - "$reshift" corrupt --list
check "downloads listed" 0 "cifar10" - "$reshift" fetch --list
finish
