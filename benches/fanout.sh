#!/usr/bin/env bash
# Measures a room of many stock Socket.IO clients, on roomcat and on npm's `socket.io`, with the same load program
# (benches/fanout.rs). Runs of the two are interleaved.
#
#   benches/fanout.sh             every row
#   benches/fanout.sh idle        only these rows
#
# Rows: one many memory idle
# The environment can set SOCKETS=1000 (in the room), IDLE=10000 (idle connections), FLIGHT=32 (messages in flight),
# SECONDS_EACH=5 (a run) and RUNS=5 (the median counts). ROOMCAT=/path/to/roomcat measures another build.
#
# Each message has 100 bytes. One of the sockets publishes it, and all of them must get it in order. A message is done when
# every socket has it; then the next is published. roomcat runs with its defaults: it syncs a message to disk before anyone
# gets it, in a database under ${TMPDIR:-/tmp}. The row "kept in memory" shows the cost of that. socket.io stores nothing.
# Memory is that of the process for each connection, without the kernel's; node collects its garbage before it is measured.
set -euo pipefail

: "${SOCKETS:=1000}" "${IDLE:=10000}" "${FLIGHT:=32}" "${SECONDS_EACH:=5}" "${RUNS:=5}"
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/roomcat-bench.XXXXXX")
server=

cleanup() {
    stop
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

fail() {
    echo "benches/fanout.sh: $*" >&2
    exit 1
}

need() {
    command -v "$1" >/dev/null || fail "$1 is missing; as root: apt-get install $2"
}

median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

row() { printf '%-44s %18s %18s %10s\n' "$@"; }

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f\n", a / b }'; }

# --- the two servers -------------------------------------------------------------------------------------------------

# start_…: sets `server`, and `address` once it listens.
start_roomcat() {
    rm -rf "$work/db" && mkdir "$work/db"
    start "$ROOMCAT" serve --listen 127.0.0.1:0 --db "$work/db/hub.db"
}

start_in_memory() { start "$ROOMCAT" serve --listen 127.0.0.1:0 --db :memory:; }

start_npm() { start node --expose-gc "$here/fanout.mjs"; }

start() {
    : >"$work/server.log"
    "$@" >"$work/server.log" 2>&1 &
    server=$!
    local end=$((SECONDS + 10))
    until address=$(sed -n 's|.*listening on ws://\([^ ]*\).*|\1|p' "$work/server.log") && [[ -n $address ]]; do
        kill -0 "$server" 2>/dev/null || fail "the server did not start: $(<"$work/server.log")"
        ((SECONDS < end)) || fail "the server does not listen"
        sleep 0.01
    done
}

stop() {
    [[ -n $server ]] || return 0
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=
}

# --- rows ------------------------------------------------------------------------------------------------------------

# load NAME FLIGHT: one run against that server, appended to its file.
load() {
    "start_$1"
    "$LOAD" load "$address" "$SOCKETS" "$2" "$SECONDS_EACH" >>"$work/load.$2.$1"
    stop
}

# compare TITLE FLIGHT SERVER: SERVER beside npm's.
compare() {
    for ((run = 0; run < RUNS; run++)); do
        load "$3" "$2"
        load npm "$2"
    done
    local ours theirs
    ours=$(median <"$work/load.$2.$3")
    theirs=$(median <"$work/load.$2.npm")
    rm "$work/load.$2.npm"
    row "$1" "$ours" "$theirs" "$(ratio "$ours" "$theirs")"
}

bench_one() { compare "deliveries/s, one message at a time" 1 roomcat; }

bench_many() { compare "deliveries/s, $FLIGHT in flight" "$FLIGHT" roomcat; }

bench_memory() { compare "  kept in memory only" "$FLIGHT" in_memory; }

resident() { awk '/VmRSS/ { print $2 }' "/proc/$server/status"; }

# idle NAME: sets `kib`, the memory of a connection that does nothing. Not for a subshell, which would leave the server
# running after a failure.
idle() {
    local before after holding
    "start_$1"
    before=$(resident)
    coproc "$LOAD" idle "$address" "$IDLE"
    holding=$COPROC_PID
    read -r <&"${COPROC[0]}" || fail "$1: not all sockets were accepted: $(tail -n 3 "$work/server.log")"
    [[ $1 != npm ]] || kill -USR2 "$server"
    sleep 1
    after=$(resident)
    eval "exec ${COPROC[1]}>&-"
    wait "$holding"
    stop
    kib=$(awk -v kib=$((after - before)) -v n="$IDLE" 'BEGIN { printf "%.1f\n", kib / n }')
}

bench_idle() {
    local ours theirs
    idle roomcat
    ours=$kib
    idle npm
    theirs=$kib
    row "memory of an idle connection, KiB ($IDLE)" "$ours" "$theirs" "$(ratio "$ours" "$theirs")"
}

# --- run the rows ----------------------------------------------------------------------------------------------------

need node nodejs
need npm npm
# Each connection is an open file.
ulimit -n "$(ulimit -Hn)"
[[ -d $here/../tests/peers/node_modules/socket.io ]] || npm ci --silent --prefix "$here/../tests/peers"
built() { cargo "$@" --message-format json --quiet | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1; }
LOAD=$(cd "$here/.." && built bench --no-run --bench fanout)
: "${ROOMCAT:=$(cd "$here/.." && built build --release --bin roomcat)}"
for variable in AS NAMESPACE TOKEN_FILE URL; do
    unset "ROOMCAT_$variable"
done

if (($# == 0)); then
    set -- one many memory idle
fi
for name in "$@"; do
    declare -F "bench_$name" >/dev/null || fail "there is no row $name"
done

printf '%s, %s CPUs, %s, socket.io on node %s, medians of %s\n\n' "$(uname -sm)" "$(getconf _NPROCESSORS_ONLN)" \
    "$("$ROOMCAT" --version)" "$(node --version)" "$RUNS"
row "$SOCKETS sockets, messages of 100 bytes" roomcat socket.io ratio
for name in "$@"; do
    "bench_$name"
done
