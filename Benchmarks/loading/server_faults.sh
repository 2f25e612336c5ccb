#!/bin/sh
# Faults of the server itself, on a server of your own: ./server_faults.sh ADBVEC PGBIN (root, for tmpfs; ACCOUNT, by
# default adbvec, runs the server). Each ends with the checksum of a load that was left alone.
set -eu
adbvec=$1 bin=$2 account=${ACCOUNT:-adbvec}
home=$(mktemp -d /tmp/adbvec-server-faults.XXXXXX)
chown "$account" "$home"
control() {
  runuser -u "$account" -- "$bin/pg_ctl" -D "$home/data" -l "$home/log" -w \
    -o "-c unix_socket_directories=$home -c listen_addresses= -c wal_writer_delay=10s" "$@" >/dev/null 2>&1
}
trap 'control -m immediate stop || true; umount "$home/disk" 2>/dev/null || true; rm -rf "$home"' EXIT
runuser -u "$account" -- "$bin/initdb" -D "$home/data" -U fault -A trust --no-sync >/dev/null
control start
url="host=$home port=5432 user=fault dbname=postgres"
sql() { "$bin/psql" "$url" -qAtX -v ON_ERROR_STOP=1 -c "SET client_min_messages = error" -c "$1"; }
file=$home/rows.txt
python3 -c "
for n in range(2000): print(f'{n}|class {n % 7}|{{{\",\".join(str(n / (k + 3)) for k in range(200))}}}')" >"$file"
fresh() {
  sql "DROP TABLE IF EXISTS $1;
    CREATE TABLE $1 (id int PRIMARY KEY, class text, image_vector real[]) ${2:-}; ALTER TABLE $1 ALTER image_vector SET STORAGE PLAIN"
}
checksum() { sql "SELECT count(*), min(id), max(id), md5(string_agg(t::text, '|' ORDER BY id)) FROM $1 t"; }
expect() { [ "$(checksum fault_target)" = "$expected" ] && echo "ok: $1" || { echo "WRONG: $1"; exit 1; }; }
load() { "$adbvec" load "$file" --database-url "$url" --table fault_target --batch 50 "$@" >/dev/null 2>"$home/error"; }

fresh fault_expected
"$adbvec" load "$file" --database-url "$url" --table fault_expected --untracked >/dev/null
expected=$(checksum fault_expected)

for method in copy insert; do
  fresh fault_target
  load --method $method --rate-limit 1000 & child=$!
  sleep 1; control -m immediate restart
  wait $child || { cat "$home/error"; exit 1; }
  expect "$method: the server crashed and came back; the load went on by itself"

  fresh fault_target
  load --method $method --rate-limit 1000 & child=$!
  sleep 1; control -m immediate stop
  sleep 1; kill -TERM $child
  wait $child && { echo "WRONG: the load ended well"; exit 1; }
  cat "$home/error"; control start
  load --method $method --resume; expect "$method: the server crashed and stayed away; --resume"

  fresh fault_target
  sql "ALTER TABLE fault_target ADD CHECK (id <> 1234)"
  load --method $method && { echo "WRONG: the row was taken"; exit 1; }
  cat "$home/error"; sql "ALTER TABLE fault_target DROP CONSTRAINT fault_target_id_check"
  load --method $method --resume; expect "$method: a row was refused; --resume"
done

mkdir "$home/disk" && mount -t tmpfs -o size=1m tmpfs "$home/disk" && mkdir "$home/disk/t" && chown -R "$account" "$home/disk"
sql "DROP TABLE fault_target"
"$bin/psql" "$url" -qX -c "CREATE TABLESPACE small LOCATION '$home/disk/t'"
fresh fault_target "TABLESPACE small"
load && { echo "WRONG: the disk was not full"; exit 1; }
cat "$home/error"
mount -o remount,size=64m "$home/disk"
load --resume; expect "disk full; --resume"
sql "DROP TABLE fault_target"
"$bin/psql" "$url" -qX -c "DROP TABLESPACE small"
