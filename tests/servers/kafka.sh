#!/usr/bin/env bash
# A private Kafka broker (KRaft: broker and controller in one process) on loopback, for the tests.
#
#   kafka.sh start DIR PORT    start a broker with its data in DIR (made when it is not there), wait until it answers; PORT+1 too
#   kafka.sh stop DIR          end it in order
#   kafka.sh kill DIR          SIGKILL, as a machine that dies
#   kafka.sh with COMMAND…     run COMMAND with KAFKA_BROKER pointing to a broker in a temporary folder, then remove it;
#                              exit status 77 with the reason when there is no broker to start
#
# Needs java 11 or newer, and, the first time, mvn: the jars come from Maven Central into KAFKA_JARS (46 MB; default
# build/deps/kafka-VERSION). KAFKA_SETTINGS: lines for server.properties of a new DIR.
set -euo pipefail

version=3.9.1
here=$(cd "$(dirname "$0")/../.." && pwd)
jars=${KAFKA_JARS:-$here/build/deps/kafka-$version}

fail() { echo "kafka.sh: $1" >&2; exit "${2:-1}"; }

fetch() {
  [ -f "$jars/complete" ] && return
  command -v mvn >/dev/null || fail "no jars in $jars, and no mvn (Debian: maven) to fetch them" 77
  local work
  work=$(mktemp -d)
  cat > "$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tests</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$version</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
POM
  mkdir -p "$jars"
  (cd "$work" && mvn -q -B dependency:copy-dependencies -DoutputDirectory="$jars") || fail "the jars cannot be had" 77
  rm -rf "$work"
  : > "$jars/complete"
}

broker_pid() { # DIR; nothing when it does not run
  local pid
  pid=$(cat "$1/pid" 2>/dev/null) || return 0
  # The number may belong to something else by now.
  if tr '\0' ' ' < "/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "$1/server.properties"; then echo "$pid"; fi
}

wait_gone() { # PID: until its sockets are closed, too
  for _ in $(seq 600); do
    [ -e "/proc/$1/stat" ] || return 0
    ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null || return 0
    sleep 0.05
  done
  fail "process $1 does not end"
}

start() {
  local dir port pid
  dir=$(realpath -m "$1")
  port=$2
  command -v java >/dev/null || fail "there is no java (Debian: openjdk-17-jre-headless)" 77
  fetch
  [ -z "$(broker_pid "$dir")" ] || fail "a broker runs in $dir already"
  mkdir -p "$dir/data"
  # A session of two seconds: a broker that was killed may come back at once.
  cat > "$dir/server.properties" <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$dir/data
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
log.cleaner.enable=false
${KAFKA_SETTINGS:-}
CONF
  if [ ! -f "$dir/data/meta.properties" ]; then
    java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$jars/*" kafka.tools.StorageTool format \
      -t ZhiyinTestsClusterAAAA -c "$dir/server.properties" > "$dir/format.log" 2>&1 || { cat "$dir/format.log" >&2; fail "$dir/data cannot be formatted"; }
  fi
  : > "$dir/server.log"
  setsid java -Xms256m -Xmx256m -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -cp "$jars/*" kafka.Kafka "$dir/server.properties" \
    < /dev/null >> "$dir/server.log" 2>&1 &
  pid=$!
  disown  # or the shell would report its end
  echo "$pid" > "$dir/pid"
  for _ in $(seq 600); do
    grep -q 'Kafka Server started' "$dir/server.log" && return 0
    kill -0 "$pid" 2>/dev/null || { tail -n 20 "$dir/server.log" >&2; fail "the broker ended while it started"; }
    sleep 0.1
  done
  kill -9 "$pid"
  fail "the broker is not ready after a minute"
}

finish() { # DIR SIGNAL
  local dir pid
  dir=$(realpath -m "$1")
  pid=$(broker_pid "$dir")
  [ -n "$pid" ] || return 0
  kill "-$2" "$pid"
  wait_gone "$pid"
}

# Two free ports side by side, below those that outgoing connections get.
free_ports() {
  local port
  for _ in $(seq 100); do
    port=$((20000 + RANDOM % 10000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue
    (exec 3<>"/dev/tcp/127.0.0.1/$((port + 1))") 2>/dev/null && continue
    echo "$port"
    return
  done
  fail "no free ports"
}

with() {
  local dir port status=0
  dir=$(mktemp -d "${TMPDIR:-/tmp}/kafka.XXXXXX")
  # shellcheck disable=SC2064
  trap "'$0' kill '$dir'; rm -rf '$dir'" EXIT
  port=$(free_ports)
  start "$dir" "$port"
  KAFKA_BROKER=127.0.0.1:$port KAFKA_DIR=$dir "$@" || status=$?
  return "$status"
}

command=${1:-}
[ $# -gt 0 ] && shift
case "$command:$#" in
  start:2) start "$1" "$2" ;;
  stop:1) finish "$1" TERM ;;
  kill:1) finish "$1" KILL ;;
  with:0) fail "with which command?" 2 ;;
  with:*) with "$@" ;;
  *) fail "usage: kafka.sh start DIR PORT | stop DIR | kill DIR | with COMMAND…" 2 ;;
esac
