# Shared by run, faults and memcheck: a private server that ends with the script.
#
# Needs pg_config (a path) to be set; start_server sets PGHOST, PGUSER and server_dir.

test_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
server_wrapper=()

fail() { echo "$(basename "$0"): $*" >&2; exit 1; }

# PostgreSQL refuses root: run it as TEST_USER then.
as_server_user() {
    if [ "$(id -u)" = 0 ]; then runuser -u "${TEST_USER:-postgres}" -- "$@"; else "$@"; fi
}

make_server() {
    server_dir=$(mktemp -d "${TMPDIR:-/tmp}/fastann-test.XXXXXX")
    if [ "$(id -u)" = 0 ]; then
        id "${TEST_USER:-postgres}" >/dev/null 2>&1 || fail "no user ${TEST_USER:-postgres}; set TEST_USER"
        chown "${TEST_USER:-postgres}" "$server_dir"
    fi
    trap remove_server EXIT
    as_server_user "$bindir/initdb" --no-sync -A trust -U postgres -D "$server_dir/data" >"$server_dir/initdb.log" 2>&1 ||
        { cat "$server_dir/initdb.log" >&2; fail "initdb failed"; }
    cat >>"$server_dir/data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$server_dir'
fsync = off
log_min_messages = info
max_wal_size = '1GB'
autovacuum = off
CONF
    export PGHOST=$server_dir PGUSER=postgres
    unset PGPORT PGDATABASE PGOPTIONS PGSERVICE
}

start_server() {
    as_server_user "$bindir/pg_ctl" -s -w -t 120 -D "$server_dir/data" -l "$server_dir/log" start ||
        { tail -20 "$server_dir/log" >&2; fail "the server does not start"; }
}

postmaster_pid() { head -1 "$server_dir/data/postmaster.pid"; }

remove_server() {
    [ -n "${server_dir:-}" ] || return 0
    as_server_user "$bindir/pg_ctl" -s -w -m immediate -D "$server_dir/data" stop >/dev/null 2>&1 || true
    rm -rf "$server_dir"
}

# A fresh database with the extension.
new_database() {
    PGOPTIONS='-c client_min_messages=warning' "$bindir/psql" -X -q -d postgres \
        -c "DROP DATABASE IF EXISTS $1" -c "CREATE DATABASE $1 TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    PGOPTIONS='-c client_min_messages=warning' "$bindir/psql" -X -q -v ON_ERROR_STOP=1 -d "$1" \
        -c 'CREATE EXTENSION fastann CASCADE'
}

sql() { "$bindir/psql" -X -q -A -t -v ON_ERROR_STOP=1 "$@"; }
