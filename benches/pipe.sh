#!/usr/bin/env bash
# Measures roomcat in a pipe. Where mosquitto can do the same, its runs are interleaved with roomcat's.
#
#   benches/pipe.sh                   every row
#   benches/pipe.sh throughput drain  only these rows
#
# Rows: throughput share stream drain start latency memory slow
# The environment can set N=1000000 (lines), RUNS=5 (the median counts), STARTS=200, TYPED=1000, GIGABYTES=2 and
# STREAMED=1000 (megabytes). ROOMCAT=/path/to/roomcat measures another build.
#
# Both run with their defaults. roomcat's hub syncs to disk before it confirms; its database is under ${TMPDIR:-/tmp}, which
# should be a real disk. mosquitto forwards at QoS 0 without storing, and is configured not to drop queued messages.
set -euo pipefail

: "${N:=1000000}" "${RUNS:=5}" "${STARTS:=200}" "${TYPED:=1000}" "${GIGABYTES:=2}" "${STREAMED:=1000}"
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/roomcat-bench.XXXXXX")
pids=()

cleanup() {
    for pid in "${pids[@]}"; do
        kill -CONT "$pid" 2>/dev/null || true
        kill "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail() {
    echo "benches/pipe.sh: $*" >&2
    exit 1
}

need() {
    command -v "$1" >/dev/null || fail "$1 is missing; as root: apt-get install $2"
}

# until_true SECONDS COMMAND…: waits until COMMAND succeeds, and tries it every 10 ms.
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || fail "waited in vain for: $*"
        sleep 0.01
    done
}

now() { echo "${EPOCHREALTIME/[.,]/}"; } # microseconds

# took FILE COMMAND…: appends the time of the whole process in microseconds. No subshell: that alone would take as long.
took() {
    local file=$1 begin=$EPOCHREALTIME end
    shift
    "$@"
    end=$EPOCHREALTIME
    echo $((${end/[.,]/} - ${begin/[.,]/})) >>"$file"
}

median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

per_second() { awk -v n="$1" -v us="$2" 'BEGIN { printf "%d\n", n / (us / 1000000) }'; }

row() { printf '%-44s %18s %18s %10s\n' "$@"; }

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f\n", a / b }'; }

# --- the two servers -------------------------------------------------------------------------------------------------

start_hub() {
    rm -rf "$work/db" "$work/hub.log" && mkdir "$work/db"
    "$ROOMCAT" serve --listen 127.0.0.1:0 --db "$work/db/hub.db" "$@" 2>"$work/hub.log" &
    hub=$!
    pids+=("$hub")
    until_true 10 listening
    ROOMCAT_URL=$(sed -n 's/.*listening on \(ws:[^ ]*\).*/\1/p' "$work/hub.log")
    export ROOMCAT_URL
}

listening() { grep -q 'listening on ws:' "$work/hub.log"; }

stop() {
    kill -CONT "$1" 2>/dev/null || true
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# listeners COUNT: whether COUNT sockets are in the room.
listeners() { "$ROOMCAT" rooms bench --json | grep -q "\"sockets\":$1,"; }

start_broker() {
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    rm -f "$work/broker.log"
    cat >"$work/broker.conf" <<CONF
listener $port 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
max_queued_bytes 0
log_dest file $work/broker.log
log_type subscribe
log_type notice
CONF
    [[ $(id -u) == 0 ]] && echo "user root" >>"$work/broker.conf" # else it cannot write its log
    mosquitto -c "$work/broker.conf" 2>/dev/null &
    broker=$!
    pids+=("$broker")
    until_true 10 mosquitto_pub -p "$port" -t up -n
}

subscribed() { grep -q ' bench$' "$work/broker.log"; }

# --- rows ------------------------------------------------------------------------------------------------------------

lines() {
    [[ -f $work/lines ]] || seq -f '%099.0f' 1 "$N" >"$work/lines"
}

# roomcat_throughput LISTENERS FILE: appends the time from the start of pub to the end of sub, in microseconds.
roomcat_throughput() {
    local begin sub
    "$ROOMCAT" sub bench -n "$N" >"$work/out" &
    sub=$!
    pids+=("$sub")
    until_true 10 listeners "$1"
    begin=$(now)
    "$ROOMCAT" pub bench <"$work/lines"
    wait "$sub"
    echo $(($(now) - begin)) >>"$work/$2"
    cmp "$work/lines" "$work/out" || fail "roomcat: the output differs from the input"
}

mosquitto_throughput() {
    local begin sub
    mosquitto_sub -p "$port" -q 0 -t bench -C "$N" -W 600 >"$work/out" &
    sub=$!
    pids+=("$sub")
    until_true 10 subscribed
    begin=$(now)
    mosquitto_pub -p "$port" -q 0 -t bench -l <"$work/lines"
    wait "$sub" || fail "mosquitto: lines are missing"
    echo $(($(now) - begin)) >>"$work/$1"
    cmp "$work/lines" "$work/out" || fail "mosquitto: the output differs from the input"
}

bench_throughput() {
    need mosquitto mosquitto
    need mosquitto_pub mosquitto-clients
    lines
    for ((run = 0; run < RUNS; run++)); do
        start_hub
        roomcat_throughput 1 throughput.roomcat
        stop "$hub"
        start_broker
        mosquitto_throughput throughput.mosquitto
        stop "$broker"
    done
    local ours theirs
    ours=$(per_second "$N" "$(median <"$work/throughput.roomcat")")
    theirs=$(per_second "$N" "$(median <"$work/throughput.mosquitto")")
    row "live, lines/s ($N of 100 bytes)" "$ours" "$theirs" "$(ratio "$ours" "$theirs")"
}

# bytes_throughput FILE PUB SUB: all bytes of the long file, with these flags of pub and sub.
bytes_throughput() {
    local begin sub
    "$ROOMCAT" sub bench $3 >"$work/out" &
    sub=$!
    pids+=("$sub")
    until_true 10 listeners 1
    begin=$(now)
    "$ROOMCAT" pub bench $2 <"$work/long"
    wait "$sub"
    echo $(($(now) - begin)) >>"$work/$1"
    cmp "$work/long" "$work/out" || fail "$1: the output differs from the input"
}

# The same bytes as lines and as a stream, one after the other.
bench_stream() {
    local count=$((STREAMED * 10000)) streamed lines
    seq -f '%099.0f' 1 "$count" >"$work/long"
    for ((run = 0; run < RUNS; run++)); do
        start_hub
        bytes_throughput stream.lines "" "-n $count"
        stop "$hub"
        start_hub
        bytes_throughput stream.stream --stream --stream
        stop "$hub"
    done
    rm -f "$work/long" "$work/out"
    streamed=$(per_second "$STREAMED" "$(median <"$work/stream.stream")")
    lines=$(per_second "$STREAMED" "$(median <"$work/stream.lines")")
    row "a stream of ${STREAMED} MB, MB/s (and as lines)" "$streamed" "($lines)" "$(ratio "$streamed" "$lines")"
}

# Four workers share one queue and split the lines: from the start of pub to the last ack.
bench_share() {
    lines
    local begin ours worker workers
    for ((run = 0; run < RUNS; run++)); do
        start_hub
        workers=()
        for worker in 1 2 3 4; do
            "$ROOMCAT" sub bench --as crew --share >"$work/out.$worker" &
            workers+=("$!")
            pids+=("$!")
        done
        until_true 10 shared_by 4
        begin=$(now)
        "$ROOMCAT" pub bench <"$work/lines"
        until_true 60 nothing_waits
        echo $(($(now) - begin)) >>"$work/share"
        for worker in "${workers[@]}"; do stop "$worker"; done
        sort -m "$work"/out.[1-4] | cmp "$work/lines" - || fail "share: the output differs from the input"
        stop "$hub"
    done
    ours=$(per_second "$N" "$(median <"$work/share")")
    row "shared by four, lines/s" "$ours" "-" "-"
}

shared_by() { "$ROOMCAT" queue crew --json | grep -q "\"sharers\":$1,"; }

nothing_waits() { "$ROOMCAT" queue crew --json | grep -q '"pending":0,'; }

bench_drain() {
    lines
    local begin ours
    for ((run = 0; run < RUNS; run++)); do
        start_hub
        "$ROOMCAT" join bench --as away
        "$ROOMCAT" pub bench <"$work/lines"
        begin=$(now)
        "$ROOMCAT" sub --as away --drain >"$work/out"
        echo $(($(now) - begin)) >>"$work/drain"
        cmp "$work/lines" "$work/out" || fail "drain: the output differs from the input"
        stop "$hub"
    done
    ours=$(per_second "$N" "$(median <"$work/drain")")
    row "a member that was away, lines/s" "$ours" "-" "-"
}

bench_start() {
    need mosquitto mosquitto
    need mosquitto_pub mosquitto-clients
    start_hub
    start_broker
    for ((run = 0; run < STARTS; run++)); do
        took "$work/start.roomcat" "$ROOMCAT" pub bench hi
        took "$work/start.mosquitto" mosquitto_pub -p "$port" -q 1 -t bench -m hi
    done
    stop "$hub"
    stop "$broker"
    local ours theirs
    ours=$(median <"$work/start.roomcat")
    theirs=$(median <"$work/start.mosquitto")
    row "pub of one message, whole process, ms" "$(ms "$ours")" "$(ms "$theirs")" "$(ratio "$ours" "$theirs")"
}

ms() { awk -v us="$1" 'BEGIN { printf "%.2f\n", us / 1000 }'; }

bench_latency() {
    start_hub
    local p50 p99
    read -r p50 p99 < <(python3 "$here/latency.py" "$TYPED" \
        "$ROOMCAT pub bench" "$ROOMCAT sub bench" "$ROOMCAT rooms bench --json")
    stop "$hub"
    row "a line typed, pub's stdin to sub's stdout, ms" "p50 $(ms "$p50")" "p99 $(ms "$p99")" "-"
    read -r p50 p99 < <(python3 "$here/sync.py" "$TYPED" "$work/synced")
    row "  of that the disk alone: write, fdatasync" "p50 $(ms "$p50")" "p99 $(ms "$p99")" -
}

# rounds COUNT: the lines COUNT times, a hundred megabytes a round.
rounds() {
    for ((round = 0; round < $1; round++)); do cat "$work/round"; done
}

bench_memory() {
    local total=$((GIGABYTES * 10)) sub peak wanted found
    seq -f '%099.0f' 1 1000000 >"$work/round"
    wanted=$(rounds "$total" | md5sum)
    start_hub
    mkfifo "$work/slow"
    md5sum <"$work/slow" >"$work/slow.md5" &
    local sum=$!
    "$ROOMCAT" sub bench --as slow -n $((total * 1000000)) >"$work/slow" &
    sub=$!
    pids+=("$sub" "$sum")
    until_true 10 listeners 1
    {
        rounds $((total / 2))
        kill -STOP "$sub"
        rounds $((total - total / 2))
    } | "$ROOMCAT" pub bench
    kill -CONT "$sub"
    wait "$sub" "$sum"
    found=$(<"$work/slow.md5")
    [[ $wanted == "$found" ]] || fail "memory: the slow reader did not get every line"
    peak=$(awk '/VmHWM/ { print int($2 / 1024) }' "/proc/$hub/status")
    stop "$hub"
    rm -f "$work/round"
    row "hub's peak memory, ${GIGABYTES} GB past a stopped reader, MiB" "$peak" "-" "-"
}

bench_slow() {
    lines
    local slow with without
    for ((run = 0; run < RUNS; run++)); do
        start_hub
        roomcat_throughput 1 slow.without
        stop "$hub"
        start_hub
        "$ROOMCAT" sub bench >/dev/null &
        slow=$!
        pids+=("$slow")
        until_true 10 listeners 1
        kill -STOP "$slow"
        roomcat_throughput 2 slow.with
        stop "$slow"
        stop "$hub"
    done
    with=$(per_second "$N" "$(median <"$work/slow.with")")
    without=$(per_second "$N" "$(median <"$work/slow.without")")
    row "beside a stopped reader, lines/s (and without)" "$with" "($without)" "$(ratio "$with" "$without")"
}

# --- run the rows ----------------------------------------------------------------------------------------------------

need python3 python3
if [[ -z ${ROOMCAT:-} ]]; then
    (cd "$here/.." && cargo build --release --quiet)
    ROOMCAT=$(cd "$here/.." && cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/roomcat
fi
for variable in AS NAMESPACE TOKEN_FILE URL; do
    unset "ROOMCAT_$variable"
done

if (($# == 0)); then
    set -- throughput share stream drain start latency memory slow
fi
for name in "$@"; do
    declare -F "bench_$name" >/dev/null || fail "there is no row $name"
done

printf '%s, %s CPUs, %s, medians of %s\n\n' "$(uname -sm)" "$(getconf _NPROCESSORS_ONLN)" "$("$ROOMCAT" --version)" "$RUNS"
row "" roomcat mosquitto ratio
for name in "$@"; do
    "bench_$name"
done
