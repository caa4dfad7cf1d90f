#!/bin/sh
# Stop requests, closed descriptors, inputs that are truncated while they are read, and certificates from the
# environment.
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 1
export RESHIFT_DATA="$work/data"
mkdir data

header() { # FILE DTYPE SHAPE
    text="{'descr': '$2', 'fortran_order': False, 'shape': ($3), }"
    printf '\223NUMPY\001\000\166\000%-117s\n' "$text" >"$1"
}
# A sparse set of 400,000 black images.
header x.npy '|u1' '400000, 32, 32, 3' && truncate -s $((128 + 400000 * 3072)) x.npy
header y.npy '|u1' '400000,' && truncate -s $((128 + 400000)) y.npy
started() { for _ in $(seq 200); do [ -e "$1" ] && return 0; sleep 0.05; done; return 1; }

# ---- stopping ----
for pair in TERM:143 HUP:129; do
    signal=${pair%:*} expected=${pair#*:}
    # nohup leaves SIGHUP ignored, so the command ignores it
    env --default-signal=$signal "$reshift" corrupt --quiet --data npy:x.npy,y.npy --corruption gaussian_noise --out made \
        >stop.out 2>stop.err &
    process=$!
    started made/gaussian_noise.npy.reshift-part
    kill -$signal $process
    wait $process
    status=$?
    cp stop.err "$work.said"
    holds "SIG$signal ends corrupt with $expected (found $status)" test $status = $expected
    holds "SIG$signal is reported" grep -q "stopped on request" stop.err
    holds "SIG$signal leaves no files" absent made
done
# A command that never polls for stop requests.
"$reshift" inspect x.npy >stop.out 2>stop.err &
process=$!
sleep 0.3
kill -TERM $process 2>/dev/null
begin=$(date +%s)
wait $process
status=$?
holds "inspect of a large array ends at the first signal (status $status)" test $status = 143 -o $status = 0
holds "the first signal ends it immediately" test $(($(date +%s) - begin)) -lt 5
nohup "$reshift" corrupt --quiet --data npy:x.npy,y.npy --limit 3000 --corruption gaussian_noise --out kept >stop.out 2>stop.err &
process=$!
started kept/gaussian_noise.npy.reshift-part
kill -HUP $process 2>/dev/null
wait $process
holds "under nohup SIGHUP is ignored" test $? = 0

# Work that supports stopping but does not poll for a minute: the identity of a huge set.
header huge.npy '|u1' '8000000, 32, 32, 3' && truncate -s $((128 + 8000000 * 3072)) huge.npy
header many.npy '|u1' '8000000,' && truncate -s $((128 + 8000000)) many.npy
printf 'name: huge\nmodel: {weights: demo}\nsource: {data: "npy:huge.npy,many.npy"}\nshift: {data: "npy:huge.npy,many.npy"}\n' >huge.yaml
"$reshift" run huge.yaml --out huge >stop.out 2>stop.err &
process=$!
sleep 1
begin=$(date +%s)
kill -TERM $process
wait $process
status=$?
cp stop.err "$work.said"
holds "work without polling is ended by the signal (status $status)" test $status = 143
holds "it is ended after some seconds ($(($(date +%s) - begin)))" test $(($(date +%s) - begin)) -le 12
rm -f huge.npy many.npy

# ---- closed descriptors ----
"$reshift" corrupt --quiet --data npy:x.npy,y.npy --corruption gaussian_noise --out numbers >&- 2>&- <&- &
process=$!
started numbers/gaussian_noise.npy.reshift-part
for number in 0 1 2; do
    holds "closed descriptor $number is not used for a file" sh -c '[ "$(readlink /proc/$1/fd/$2)" = /dev/null ]' sh $process $number
done
kill -KILL $process
wait $process
small() { "$reshift" corrupt --data npy:x.npy,y.npy --limit 2000 --corruption gaussian_noise --out "$1"; }
small open >open.out 2>open.err
small closed >closed.out 2>&- </dev/null
holds "with standard error closed" test $? = 0
holds "the files have the same bytes" cmp open/gaussian_noise.npy closed/gaussian_noise.npy
small three <&- >three.out 2>&-
holds "with standard input closed, too" cmp open/gaussian_noise.npy three/gaussian_noise.npy
small none >&- 2>none.err
status=$?
holds "a closed standard output is an error (status $status)" test $status = 1
holds "the error is reported" grep -q "cannot write the result" none.err

# ---- an input that is truncated while it is read ----
"$reshift" corrupt --quiet --data npy:x.npy,y.npy --corruption gaussian_noise --out cut >cut.out 2>cut.err &
process=$!
started cut/gaussian_noise.npy.reshift-part
truncate -s 1000000 x.npy
wait $process
status=$?
cp cut.err "$work.said"
holds "a truncated input ends with 1 (found $status)" test $status = 1
holds "the message names the truncated file" grep -q "x.npy': it was cut short while it was in use" cut.err
truncate -s $((128 + 400000 * 3072)) x.npy
check "leftovers are taken over" 0 "" "" "$reshift" corrupt --quiet --data npy:x.npy,y.npy --limit 100 --corruption gaussian_noise --out cut
holds "leftovers are removed" clean cut

# ---- certificates ----
unset CURL_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR
if command -v openssl >/dev/null; then
    openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out root.pem -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost >openssl.out 2>&1
    port=$((20000 + $$ % 20000))
    echo "not the published bytes" >resnet18-f37072fd.pth
    openssl s_server -quiet -WWW -accept $port -key key.pem -cert root.pem >server.out 2>&1 </dev/null &
    server=$!
    sleep 0.5
    check "an unknown certificate" 1 "" "ertificate" "$reshift" fetch resnet18 --mirror https://localhost:$port
    check "a certificate from SSL_CERT_FILE" 1 "" "is not the published file" env SSL_CERT_FILE=root.pem "$reshift" fetch resnet18 --mirror https://localhost:$port
    check "a certificate from CURL_CA_BUNDLE" 1 "" "is not the published file" env CURL_CA_BUNDLE=root.pem "$reshift" fetch resnet18 --mirror https://localhost:$port
    kill $server
    wait $server 2>/dev/null
fi
finish
