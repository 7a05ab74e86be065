#!/usr/bin/env bash
# A real Kafka broker (one KRaft node) from Maven Central, without containers.
#
#   kafka.sh fetch                  downloads the jars into .deps/kafka/libs
#   kafka.sh start [HOST:PORT]      default 127.0.0.1:19092; waits until ready
#   kafka.sh stop [HOST:PORT]
#   kafka.sh kill [HOST:PORT]       kill -9, for tests; start again to recover
#
# Data lies in .deps/kafka/<port>; KAFKA_DATA overrides the folder, KAFKA_HEAP
# the JVM's 512m. KAFKA_MORE
# names a file of further settings, KAFKA_USERS holds users for SCRAM
# ("SCRAM-SHA-256=[name=N,password=P]", blank-separated).
set -euo pipefail
cd "$(dirname "$0")/../.."
libs=$PWD/.deps/kafka/libs
address=${2:-127.0.0.1:19092}
host=${address%:*} port=${address##*:}
home=${KAFKA_DATA:-$PWD/.deps/kafka/$port}
controller=$((port + 1))

fetch() {
  [ -f "$libs/.complete" ] && return 0
  command -v mvn >/dev/null && command -v java >/dev/null || {
    echo "kafka.sh: needs Java 17 and Maven (./run deps)" >&2
    return 3
  }
  echo "kafka.sh: fetching Kafka 3.9.1 from Maven Central (56 MB)"
  mkdir -p "$libs"
  mvn -q -B -f tests/support/kafka_pom.xml dependency:copy-dependencies \
    -DoutputDirectory="$libs"
  touch "$libs/.complete"
}

write_config() {
  mkdir -p "$home"
  cat >"$home/server.properties" <<CONFIG
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://$host:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://$host:$port
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=$home/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
log.retention.check.interval.ms=1000
num.partitions=4
CONFIG
  [ -z "${KAFKA_MORE:-}" ] || cat "$KAFKA_MORE" >>"$home/server.properties"
  cat >"$home/log4j.properties" <<CONFIG
log4j.rootLogger=WARN, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %m%n
CONFIG
}

running() { [ -f "$home/pid" ] && kill -0 "$(cat "$home/pid")" 2>/dev/null; }

answers() { (exec 3<>"/dev/tcp/$host/$port") 2>/dev/null; }

start() {
  running && { echo "kafka.sh: already running at $address"; return 0; }
  fetch
  write_config
  local java=(java "-Xmx${KAFKA_HEAP:-512m}" "-Dlog4j.configuration=file:$home/log4j.properties"
    -cp "$libs/*")
  if [ ! -f "$home/data/meta.properties" ]; then
    local user users=()
    for user in ${KAFKA_USERS:-}; do users+=(--add-scram "$user"); done
    "${java[@]}" kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAA \
      -c "$home/server.properties" "${users[@]}" >"$home/format.log" 2>&1
  fi
  setsid "${java[@]}" kafka.Kafka "$home/server.properties" \
    >"$home/broker.log" 2>&1 </dev/null &
  echo $! >"$home/pid"
  local tries
  for ((tries = 0; tries < 600; tries++)); do
    running || { tail -5 "$home/broker.log" >&2
      echo "kafka.sh: the broker ended; see $home/broker.log" >&2; return 3; }
    answers && { echo "kafka.sh: Kafka 3.9.1 at $address"; return 0; }
    sleep 0.1
  done
  echo "kafka.sh: no answer at $address within 60 s" >&2
  return 3
}

stop() {  # $1 signal
  running || { echo "kafka.sh: not running at $address"; return 0; }
  local pid tries
  pid=$(cat "$home/pid")
  kill "-$1" "$pid"
  for ((tries = 0; tries < 300; tries++)); do
    kill -0 "$pid" 2>/dev/null || { rm -f "$home/pid"; return 0; }
    sleep 0.1
  done
  kill -9 "$pid"
  rm -f "$home/pid"
}

case ${1:-} in
  fetch) fetch ;;
  start) start ;;
  stop) stop TERM ;;
  kill) stop KILL ;;
  *) echo "usage: kafka.sh fetch|start|stop|kill [HOST:PORT]" >&2; exit 2 ;;
esac
