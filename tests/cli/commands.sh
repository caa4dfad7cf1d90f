#!/bin/sh
# Every command on small built-in data: its output, its files, and that parts agree with the whole.
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 1
export RESHIFT_DATA="$work/data"
mkdir data

check "a tiny study" 0 "the headline figures" "" tiny_study study
holds "the study writes its report" test -s study/report.html
check "the study is complete the second time" 0 "report: study/report.html" - tiny_study study
check "the study as JSON" 0 '"folder": "study"' - tiny_study study --json
check "the study logs its stages" 0 "" "[3/8] a linear probe on them: done before, nothing has changed" "$reshift" demo --out study \
    --set source.limit_train=240 --set source.limit_test=50 --set pretrain.limit=256 --set pretrain.epochs=1 \
    --set probe.epochs=3 --set finetune.samples=100 --set finetune.epochs=1 --set finetune.monitor=20
check "report again" 0 "study/report.html" "" "$reshift" report study
"$reshift" demo --show --set source.limit_train=240 --set source.limit_test=50 --set pretrain.limit=256 \
    --set pretrain.epochs=1 --set probe.epochs=3 --set finetune.samples=100 --set finetune.epochs=1 \
    --set finetune.monitor=20 >resolved.yaml
check "the resolved experiment is the same experiment" 0 "report: study/report.html" "" "$reshift" run resolved.yaml --out study

before=study/weights/pretrained.safetensors
after=study/weights/finetuned.safetensors
check "extract" 0 "train.npy: 240 rows of 128 features" - "$reshift" extract --quiet --weights $before --data demo --split train --limit 240 --out train.npy --labels-out train-labels.npy --images-out train-images.npy
check "extract the test set" 0 '{"rows": 50, "features": 128, "input_size": 32, "resize": 32' - "$reshift" extract --quiet --json --weights $before --data demo --limit 50 --out test.npy --labels-out test-labels.npy
holds "labels are those of the study" cmp -s test-labels.npy study/features/clean-labels.npy
check "probe" 0 "    3 " - "$reshift" probe --quiet --train study/features/train-clean.npy study/features/train-clean-labels.npy --test test.npy test-labels.npy --epochs 3 --images train-images.npy --out fc.safetensors --history probe.csv --plots curves
holds "the probe equals the study's" cmp -s fc.safetensors study/weights/probe.safetensors
holds "the probe draws its curves" test -s curves/probe-loss.svg -a -s curves/probe-accuracy.png
holds "the probe writes its history" grep -q '^epoch,train_loss,train_accuracy' probe.csv
check "probe in bfloat16" 0 "    3 " - "$reshift" probe --quiet --precision auto --train train.npy train-labels.npy --test test.npy test-labels.npy --epochs 3 --out half.safetensors
check "probe by L-BFGS chooses its penalty" 0 "  chosen" - "$reshift" probe --quiet --method lbfgs --train train.npy train-labels.npy --test test.npy test-labels.npy --out lbfgs.safetensors
holds "L-BFGS with equal rows gives the same result" sh -c '"$1" probe --quiet --method lbfgs --threads 1 --train train.npy train-labels.npy --out lbfgs1.safetensors >lbfgs1.out && cmp lbfgs.safetensors lbfgs1.safetensors' sh "$reshift"
check "the L-BFGS layer works as a head" 0 "clean" "" "$reshift" eval --quiet --weights $before --head lbfgs.safetensors --data demo --limit 50
check "an explicit l2" 0 "l2 0.5: loss " - "$reshift" probe --quiet --method lbfgs --l2 0.5 --train train.npy train-labels.npy --out lbfgs2.safetensors
check "groups that do not fit" 1 - "--groups: expected int64 [240]" "$reshift" probe --quiet --method lbfgs --groups test-labels.npy --train train.npy train-labels.npy --out no.safetensors
check "probe by class means" 0 "of 50 rows" "" "$reshift" probe --quiet --method mean --train train.npy train-labels.npy --test test.npy test-labels.npy --out mean.safetensors
check "probe that is only evaluated" 0 "of 50 rows" "" "$reshift" probe --quiet --method mean --train train.npy train-labels.npy --test test.npy test-labels.npy
check "probe without any output" 2 - "or --test, to measure alone" "$reshift" probe --method mean --train train.npy train-labels.npy
check "probe by neighbours, as JSON" 0 '"accuracy": ' "" "$reshift" probe --quiet --json --method neighbours --neighbours 5 --train train.npy train-labels.npy --test test.npy test-labels.npy
check "more neighbours than rows" 1 - "expected 1 to 240 of them, found 500" "$reshift" probe --quiet --method neighbours --neighbours 500 --train train.npy train-labels.npy --test test.npy test-labels.npy
check "neighbours are no layer" 2 - "neighbours are no layer" "$reshift" probe --method neighbours --train train.npy train-labels.npy --out no.safetensors
check "unknown probe method" 2 - "expected adam, lbfgs, mean or neighbours" "$reshift" probe --method svm --train train.npy train-labels.npy --out no.safetensors
check "probe as JSON" 0 '"epoch": 2, "train_loss": ' - "$reshift" probe --quiet --json --train train.npy train-labels.npy --epochs 2 --out fc2.safetensors
check "eval" 0 "clean" - "$reshift" eval --quiet --allow-leak --weights $after --data demo --limit 50
check "eval by severity" 0 "gaussian_blur" - "$reshift" eval --quiet --allow-leak --weights $after --data demo --limit 50 --corruption gaussian_blur --out table.csv
check "eval of clean images into a folder" 0 "clean" - "$reshift" eval --quiet --allow-leak --weights $after --data demo --limit 50 --out clean-table
holds "eval draws the heat map of one cell" test -s clean-table/plots/heatmap.png
correct=$(sed -n 's/^finetuned,shift,demo,gaussian_blur,all,all,no,250,50,\([0-9]*\),.*/\1/p' study/results.csv)
holds "eval equals the study ($correct of 250)" grep -q "^gaussian_blur,all,250,50,$correct," table.csv
check "eval with a head" 0 '"images": 50' - "$reshift" eval --quiet --json --weights $before --head fc.safetensors --data demo --limit 50
check "finetune" 0 "    1 " "" "$reshift" finetune --quiet --weights $before --head fc.safetensors --data demo --split test --limit 50 --corruption gaussian_blur --samples 100 --epochs 1 --batch 64 --out tuned.safetensors --history tuned.csv --plots curves
holds "finetune writes a whole network" test -s tuned.safetensors
check "the fine-tuned network can be evaluated" 0 "clean" - "$reshift" eval --quiet --allow-leak --weights tuned.safetensors --data demo --limit 50
check "sgd with a schedule" 0 "" - "$reshift" finetune --quiet --json --weights $before --data demo --limit 20 --train fc --lr 1e-2 --optimizer sgd --nesterov --weight-decay 1e-4 --schedule cosine --schedule-unit step --warmup 1 --label-smoothing 0.1 --epochs 2 --out tuned4.safetensors
check "a training that diverges" 1 - "training diverged: the training loss after epoch 1 is " "$reshift" finetune --quiet --weights $before --data demo --limit 20 --train layer4,fc --lr layer4=0.1,fc=10 --epochs 1 --out lost.safetensors --history lost.csv
holds "a diverged training writes nothing" test ! -e lost.safetensors -a ! -e lost.csv
check "finetune with augmentation" 0 "" - "$reshift" finetune --quiet --json --weights $before --data demo --limit 20 --train fc --lr 1e-3 --augment flip,crop,corrupt --augment-corruptions fog,contrast --epochs 1 --out tuned6.safetensors
check "no such augmentation" 2 - "--augment: expected a list of flip, crop and corrupt" "$reshift" finetune --weights $before --data demo --augment flop --out tuned7.safetensors
check "augmentation by corruptions without names" 2 - "go together" "$reshift" finetune --weights $before --data demo --augment corrupt --out tuned7.safetensors
check "no such corruption" 2 - "augmentation: " "$reshift" finetune --quiet --weights $before --data demo --limit 20 --augment corrupt --augment-corruptions fogg --out tuned7.safetensors
check "report of changed tensors" 0 "" "fc: 2 of 2 weight tensors changed (relative L2 change" "$reshift" finetune --json --weights $before --data demo --limit 20 --train fc --lr 1e-3 --epochs 1 --moved moved.csv --out tuned8.safetensors
holds "only fc is changed" awk -F, 'NR > 1 && (($2 == "fc") != ($4 > 0)) { bad = 1 } END { exit bad || NR < 20 }' moved.csv
check "nesterov without sgd" 2 - "--nesterov goes with --optimizer sgd" "$reshift" finetune --weights $before --data demo --nesterov --out tuned5.safetensors
check "no such optimizer" 2 - "--optimizer: expected adam, adamw or sgd" "$reshift" finetune --weights $before --data demo --optimizer adagrad --out tuned5.safetensors
check "one rate for all blocks" 0 "" - "$reshift" finetune --quiet --json --weights $before --data demo --limit 20 --train layer3,layer4,fc --lr 1e-4 --epochs 1 --out tuned3.safetensors
check "corrupt" 0 "C/gaussian_blur.npy" - "$reshift" corrupt --quiet --data demo --limit 20 --corruption gaussian_blur --severity 2-3 --out C
check "inspect an array" 0 "[40,32,32,3]" - "$reshift" inspect C/gaussian_blur.npy
check "inspect weights" 0 "fc.weight  float32  [10,128]" - "$reshift" inspect $after
check "predictions of a set" 0 "20 rows, accuracy" - "$reshift" predict --quiet --weights $after --data demo --limit 20 --top 3 --out p.csv
holds "one line per image, three classes each" awk -F, 'NF != 13 { bad = 1 } NR > 1 && !($7 >= $10 && $10 >= $13 && $7 <= 1) { bad = 1 } END { exit bad || NR != 21 }' p.csv
check "the same predictions as probabilities" 0 "" - "$reshift" predict --quiet --weights $after --data demo --limit 20 --out p.npy
check "probabilities of ten classes" 0 "[20,10]" - "$reshift" inspect p.npy
check "rows seen in training" 0 "of these rows show an image that the network was trained on" - "$reshift" predict --quiet --weights $after --data demo --split test --out seen.csv
check "rows seen in training, in JSON" 0 '"seen_in_training": 20}' - "$reshift" predict --quiet --json --weights tuned8.safetensors --data demo --limit 20 --split train --out seen.csv --force
check "unseen rows count 0" 0 '"seen_in_training": 0}' - "$reshift" predict --quiet --json --weights tuned8.safetensors --data demo --limit 20 --split test --out seen.csv --force
# 20 images with five versions each: Wilson's interval of 100 rows is at most 20 points wide, that of 20 images is wider
check "versions of an image" 0 '"rows": 100' - "$reshift" predict --quiet --json --weights $after --data demo --corruption fog --limit 20 --out seen.csv --force
holds "versions of an image count as one in the interval" python3 -c 'import json, sys; a = json.load(open(sys.argv[1])); sys.exit(not a["high"] - a["low"] > 0.2)' "$work.out"
check "predict --data without --out" 2 - "--data goes with --out" "$reshift" predict --weights $after --data demo
check "predict with images and a set" 2 - "expected one of them" "$reshift" predict --weights $after --data demo --out q.csv x.png
check "features as a table" 0 "20 rows" - "$reshift" extract --quiet --weights $after --data demo --limit 20 --out t.npy --csv t.csv
holds "the table has 4 + 128 columns" awk -F, 'NF != 132 { bad = 1 } END { exit bad || NR != 21 }' t.csv
check "export as ONNX" 0 "resnet-demo, 10 classes, images of 32x32" - "$reshift" export --weights $after --out after.onnx
check "an exported file is not replaced" 1 - "exists already" "$reshift" export --weights $after --out after.onnx
check "export as safetensors, named" 0 "10 classes" - sh -c 'seq 10 | sed s/^/class-/ >names.txt && "$1" export --quiet --weights $2 --classes names.txt --out named.safetensors && "$1" inspect named.safetensors | grep -q class-10' sh "$reshift" $after
check "names of other classes" 1 - "expected 10 lines, one a class, found 3" sh -c 'seq 3 >three.txt && "$1" export --weights $2 --classes three.txt --out three.onnx' sh "$reshift" $after
check "export to an unknown format" 2 - "ends in .onnx or .safetensors" "$reshift" export --weights $after --out after
check "a long text is truncated" 0 "... (" - "$reshift" inspect $after
holds "a long text is complete in JSON" sh -c "\"\$1\" inspect --json \$2 >whole.json && ! grep -qF \"... (\" whole.json" sh "$reshift" $after
check "inspect as JSON" 0 '"kind": "safetensors"' - "$reshift" inspect --json $after
check "inspect several" 0 "f" - "$reshift" inspect $after train.npy
check "pca" 0 "explained" - "$reshift" pca --quiet --features train.npy test.npy --labels train-labels.npy test-labels.npy --out pca
holds "pca writes coordinates" test -s pca/train.npy -a -s pca/test.npy -a -s pca/train-components.npy
holds "pca draws the figure" test -s pca/pca.png -a -s pca/pca.svg
check "pca on one basis" 0 '"explained"' - "$reshift" pca --quiet --json --shared --features train.npy test.npy --labels train-labels.npy test-labels.npy --out shared
holds "the first panel on a shared basis is unchanged" cmp -s pca/train.npy shared/train.npy
holds "the second panel on a shared basis differs" sh -c '! cmp -s pca/test.npy shared/test.npy'
check "pca without labels draws nothing" 0 "explained" - "$reshift" pca --quiet --features train.npy --out plain
holds "no figure without labels" absent plain/pca.png
check "predict" 0 "%  " - "$reshift" predict --weights $after --top 2 curves/probe-loss.png
check "no JSON where every image fails" 1 - "no.png" "$reshift" predict --json --weights $after no.png
check "predict as JSON" 0 '"probability": ' - "$reshift" predict --json --weights $after curves/probe-loss.png
holds "another size gives another prediction" sh -c '"$1" predict --weights $2 curves/probe-loss.png >own && "$1" predict --weights $2 --size 48 curves/probe-loss.png >other && ! cmp -s own other' sh "$reshift" $after
mkdir -p few/a few/b && cp curves/probe-loss.png few/a && cp curves/probe-accuracy.png few/b
check "a set of fewer classes than the network" 0 "2 rows" "warning: no accuracy: class 'a' of the set is none of the network's 10 classes" "$reshift" predict --weights $after --data folder:few --out few.csv
check "one bad image among good ones" 1 "%  " "no.png" "$reshift" predict --weights $after --top 2 no.png curves/probe-loss.png
check "bench of one stage" 0 "50,000 x 2048 to 2 components" "" "$reshift" bench --quiet pca
check "the same bytes for any thread count" 0 "" "" "$reshift" corrupt --quiet --threads 1 --data demo --limit 20 --corruption gaussian_blur --severity 2-3 --out C1
holds "the corrupted set does not depend on threads" cmp -s C/gaussian_blur.npy C1/gaussian_blur.npy
check "an existing array is refused, its equal labels are not" 1 - "gaussian_blur.npy' exists already" "$reshift" corrupt --quiet --data demo --limit 20 --corruption gaussian_blur --severity 2-3 --out C
finish
