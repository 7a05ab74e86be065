#!/usr/bin/env bash
# Kafka Connect with Debezium's connectors from Maven Central.
#
#   connect.sh fetch    downloads the jars into .deps/connect (59 MB)
#
# tests/support/databases.py starts it.
set -euo pipefail
cd "$(dirname "$0")/../.."
home=$PWD/.deps/connect

fetch() {  # $1 profile of connect_pom.xml, $2 folder
  mvn -q -B -f tests/support/connect_pom.xml -P "$1" \
    dependency:copy-dependencies -DoutputDirectory="$home/$2"
}

case ${1:-} in
  fetch)
    [ -f "$home/.complete" ] && exit 0
    command -v mvn >/dev/null && command -v java >/dev/null || {
      echo "connect.sh: needs Java 17 and Maven (./run deps)" >&2
      exit 3
    }
    echo "connect.sh: fetching Kafka Connect and Debezium from Maven Central"
    fetch connect libs
    fetch postgres plugins/debezium-postgres
    fetch mariadb plugins/debezium-mariadb
    touch "$home/.complete"
    ;;
  *) echo "usage: connect.sh fetch" >&2; exit 2 ;;
esac
