#!/usr/bin/env bash
# A private PostgreSQL on loopback for the tests; the server of the machine, if any, is left alone.
#
#   postgres.sh start DIR PORT    make a database in DIR (or use the one that is there), wait until it answers
#   postgres.sh stop DIR          end it in order
#   postgres.sh kill DIR          SIGKILL to all its processes, as a machine that dies
#   postgres.sh with COMMAND…     run COMMAND with POSTGRES_URL pointing to a server in a temporary folder, then remove it;
#                                 exit status 77 with the reason when there is no server to start
#
# The database orders texts as Chinese dictionaries do, so that whoever relies on the order of bytes has to ask for it.
# Role and database are `zhiyin`, without a password, reachable from this machine only. Started by root, the server runs as
# the user postgres, so the folders above DIR must be open to it (those under /tmp are). POSTGRES_SETTINGS: lines for
# postgresql.conf of a new DIR. Needs Debian's postgresql-15.
set -euo pipefail

fail() { echo "postgres.sh: $1" >&2; exit "${2:-1}"; }

programs=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)

# The server refuses to run as root.
as_server() {
  if [ "$(id -u)" -ne 0 ]; then "$@"; else
    setpriv --reuid=postgres --regid=postgres --clear-groups env HOME=/ "$@"
  fi
}

server_pid() { # DIR; nothing when it does not run
  local pid
  pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) || return 0
  # The number may belong to something else by now.
  if tr '\0' ' ' < "/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "-D $1/data "; then echo "$pid"; fi
}

wait_gone() { # PID: until it is no more, not even with its command line lost and its sockets open
  for _ in $(seq 600); do
    [ -e "/proc/$1/stat" ] || return 0
    ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null || return 0
    sleep 0.05
  done
  fail "process $1 does not end"
}

create() { # DIR
  as_server "$programs/initdb" -D "$1/data" -U zhiyin -A trust -E UTF8 --locale=C.UTF-8 --no-sync --no-instructions \
    > "$1/initdb.log" 2>&1 || { cat "$1/initdb.log" >&2; fail "no database could be made in $1"; }
  printf '%s\n' "listen_addresses = '127.0.0.1'" "unix_socket_directories = ''" 'max_connections = 100' \
    'shared_buffers = 64MB' 'max_pred_locks_per_transaction = 1024' 'log_min_messages = warning' "${POSTGRES_SETTINGS:-}" |
    as_server tee -a "$1/data/postgresql.conf" > /dev/null
}

start() { # DIR PORT
  local dir port=$2 pid
  [ -n "$programs" ] || fail 'postgresql-15 is not installed' 77
  if [ "$(id -u)" -eq 0 ]; then id postgres > /dev/null 2>&1 || fail 'there is no user postgres to run the server' 77; fi
  mkdir -p "$1"
  dir=$(realpath "$1")
  cd "$dir"
  [ "$(id -u)" -ne 0 ] || chown postgres "$dir"
  as_server test -w "$dir" || fail "$dir cannot be reached by the user postgres"
  [ -z "$(server_pid "$dir")" ] || fail "a server runs in $dir"
  [ -e "$dir/data/PG_VERSION" ] || create "$dir"
  as_server setsid "$programs/postgres" -D "$dir/data" -p "$port" < /dev/null >> "$dir/server.log" 2>&1 &
  pid=$!
  for _ in $(seq 600); do
    if "$programs/pg_isready" -q -h 127.0.0.1 -p "$port" -t 2; then
      "$programs/psql" -qAt -h 127.0.0.1 -p "$port" -U zhiyin postgres -c "SELECT 1 FROM pg_database WHERE datname = 'zhiyin'" |
        grep -q 1 || "$programs/createdb" -h 127.0.0.1 -p "$port" -U zhiyin -T template0 --locale-provider=icu --icu-locale=zh zhiyin
      return 0
    fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.05
  done
  tail -n 20 "$dir/server.log" >&2
  fail "the server in $dir does not answer on port $port"
}

stop() { # DIR
  local dir pid
  dir=$(realpath -m "$1")
  pid=$(server_pid "$dir")
  [ -n "$pid" ] || return 0
  kill -INT "$pid"
  wait_gone "$pid"
}

kill_all() { # DIR
  local dir pid children child
  dir=$(realpath -m "$1")
  pid=$(server_pid "$dir")
  [ -n "$pid" ] || return 0
  kill -STOP "$pid"  # it starts nobody any more
  children=$(cat "/proc/$pid/task/$pid/children")
  # shellcheck disable=SC2086
  kill -KILL "$pid" $children 2>/dev/null || true
  for child in $pid $children; do wait_gone "$child"; done
}

# A port that nobody has, below those that outgoing connections get.
free_port() {
  local port
  for _ in $(seq 100); do
    port=$((20000 + RANDOM % 12000))
    (exec 3<> "/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return 0; }
  done
  fail 'no port is free'
}

with() { # COMMAND…
  local port
  [ -n "$programs" ] || fail 'skipped: postgresql-15 is not installed' 77
  folder=$(mktemp -d /tmp/zhiyin-postgres-XXXXXX)
  trap 'stop "$folder"; rm -rf "$folder"' EXIT
  port=$(free_port)
  (POSTGRES_SETTINGS=${POSTGRES_SETTINGS:-fsync = off} start "$folder" "$port")
  POSTGRES_URL="postgresql://zhiyin@127.0.0.1:$port/zhiyin" "$@"
}

case ${1:-}:$# in
  start:3) start "$2" "$3" ;;
  stop:2) stop "$2" ;;
  kill:2) kill_all "$2" ;;
  with:1 | :*) fail 'usage: start DIR PORT | stop DIR | kill DIR | with COMMAND…' ;;
  with:*) shift; with "$@" ;;
  *) fail 'usage: start DIR PORT | stop DIR | kill DIR | with COMMAND…' ;;
esac
