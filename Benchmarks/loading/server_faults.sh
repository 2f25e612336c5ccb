#!/bin/sh
# Faults of the server itself, on a server of your own: ./server_faults.sh PROBE PGBIN PGDATA HOST PORT (root, for tmpfs; the server runs as postgres)
# Each ends with the checksum of a load that was left alone.
set -eu
probe=$1 bin=$2 data=$3 host=$4 port=$5
url="postgresql://postgres@127.0.0.1:$port/postgres"
sql() { psql "host=$host port=$port user=postgres" -qAtX -v ON_ERROR_STOP=1 -c "$1"; }
control() { runuser -u postgres -- "$bin/pg_ctl" -D "$data" -l "$data/../log" "$@" >/dev/null 2>&1; }
file=/tmp/adbvec-server-faults.txt
python3 -c "
for n in range(2000): print(f'{n}|class {n % 7}|{{{\",\".join(str(n / (k + 3)) for k in range(200))}}}')" >$file
fresh() {
  sql "SET client_min_messages = error; DROP TABLE IF EXISTS $1;
    CREATE TABLE $1 (id int PRIMARY KEY, class text, image_vector real[]) ${2:-}; ALTER TABLE $1 ALTER image_vector SET STORAGE PLAIN"
}
checksum() { sql "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY id)) FROM $1 t"; }
expect() { [ "$(checksum fault_target)" = "$expected" ] && echo "ok: $1" || { echo "WRONG: $1"; exit 1; }; }
load() { "$probe" load "$url" fault_target $file batch=50 "$@"; }

fresh fault_expected
"$probe" load "$url" fault_expected $file continue=untracked >/dev/null
expected=$(checksum fault_expected)

for method in copy insert; do
  fresh fault_target
  load method=$method rate=500 2>/tmp/adbvec-fault.err & child=$!
  sleep 2; control -m immediate stop; sleep 1; control -w start
  wait $child || { cat /tmp/adbvec-fault.err; exit 1; }
  expect "$method: the server crashed and came back; the load went on by itself"

  fresh fault_target
  load method=$method rate=500 retries=0 2>/tmp/adbvec-fault.err & child=$!
  sleep 2; control -m immediate stop
  wait $child && { echo "WRONG: the load did not notice"; exit 1; }
  cat /tmp/adbvec-fault.err; control -w start
  load method=$method continue=resume; expect "$method: the server crashed; --resume"
done

disk=/tmp/adbvec-small-disk
mkdir -p $disk && mount -t tmpfs -o size=1m tmpfs $disk && mkdir $disk/t && chown postgres $disk/t
sql "DROP TABLE IF EXISTS fault_target"
sql "CREATE TABLESPACE small LOCATION '$disk/t'"
fresh fault_target "TABLESPACE small"
load 2>/tmp/adbvec-fault.err && { echo "WRONG: the disk was not full"; exit 1; }
cat /tmp/adbvec-fault.err
mount -o remount,size=64m $disk
load continue=resume; expect "disk full; --resume"
sql "DROP TABLE fault_target"; sql "DROP TABLESPACE small"; umount $disk
