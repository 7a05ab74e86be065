# What Freshet needs from Debian 12, from npm and from PyPI. Sourced by ./run.

# To build and run the product. make is g++'s own: without it link-time
# optimisation uses one core.
PRODUCT_PACKAGES=(
  g++ make meson ninja-build cmake pkg-config mold git ca-certificates
  python3 libboost1.81-dev libboost-system1.81-dev librocksdb-dev
  libroaring-dev libsimdjson-dev librdkafka-dev libabsl-dev libhwy-dev
  libpg-query-dev libre2-dev libfmt-dev libspdlog-dev libyaml-cpp-dev libcli11-dev
  libzstd-dev liblz4-dev libxxhash-dev libsodium-dev libcurl4-openssl-dev
  prometheus-cpp-dev libssl-dev zlib1g-dev libexpat1-dev
)
# Only where no Node.js 18 or newer is installed already.
NODE_PACKAGES=(nodejs npm)
# To test it as well. ccache only here: a build that happens once is slower
# with it.
TEST_PACKAGES=(
  ccache doctest-dev libbenchmark-dev librapidcheck-dev python3-venv chromium
  fonts-liberation kcat curl openssh-server clang-19 libclang-rt-19-dev llvm-19
)
# Only where no Java 17 or newer is installed already.
JAVA_PACKAGES=(openjdk-17-jre-headless maven)
# Databases whose changes are followed, without their services.
DATABASE_PACKAGES=(postgresql-15 mariadb-server-core mariadb-client-core)
LINT_PACKAGES=(clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev)

# Into .deps/venv.
PYTHON_PACKAGES=(
  'pydruid==0.6.9' 'sqlalchemy==1.4.54' 'pytest==8.3.4' 'duckdb'
  'confluent-kafka==2.16.0' 'requests' 'pyyaml' 'kubernetes-validate'
  'fastavro' 'pyftpdlib' 'pyopenssl' 'moto[server]' 'zstandard'
  'psycopg[binary]' 'pymysql'
)

missing_packages() {  # prints those of "$@" that dpkg does not have
  local package
  for package in "$@"; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null |
      grep -qx installed || echo "$package"
  done
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "run: needs root or sudo to install: $*" >&2
    return 3
  fi
}

# Installs what is missing of "$@"; silent and quick when nothing is.
install_debian() {
  local missing
  mapfile -t missing < <(missing_packages "$@")
  [ "${#missing[@]}" = 0 ] && return 0
  if ! command -v apt-get >/dev/null; then
    echo "run: this machine has no apt-get; install by hand: ${missing[*]}" >&2
    return 3
  fi
  echo "run: installing ${#missing[@]} Debian packages: ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
      --no-install-recommends "${missing[@]}" >/dev/null || {
    echo "run: apt-get could not install: ${missing[*]}" >&2
    return 3
  }
}

node_is_new_enough() {
  command -v npm >/dev/null && command -v node >/dev/null &&
    [ "$(node -p 'parseInt(process.versions.node)')" -ge 18 ] 2>/dev/null
}

java_is_new_enough() {
  local version
  version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -1)
  [ -n "$version" ] && [ "$version" -ge 17 ] && command -v mvn >/dev/null
}

install_product() {
  install_debian "${PRODUCT_PACKAGES[@]}" || return
  node_is_new_enough || install_debian "${NODE_PACKAGES[@]}" || return
  npm_install web
}

npm_install() {  # $1 folder; only when its lock file changed since
  local stamp="$1/node_modules/.installed"
  [ -f "$stamp" ] && cmp -s "$1/package-lock.json" "$stamp" && return 0
  echo "run: installing npm packages of $1/"
  (cd "$1" && npm ci --no-audit --no-fund --loglevel=error) &&
    cp "$1/package-lock.json" "$stamp"
}

install_python() {
  local stamp=.deps/venv/.installed
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "${PYTHON_PACKAGES[*]}" ] && return 0
  echo "run: installing Python packages into .deps/venv: ${PYTHON_PACKAGES[*]}"
  python3 -m venv .deps/venv &&
    .deps/venv/bin/pip install -q --disable-pip-version-check \
      "${PYTHON_PACKAGES[@]}" && echo "${PYTHON_PACKAGES[*]}" >"$stamp"
}

install_test() {
  install_debian "${TEST_PACKAGES[@]}" || return
  command -v kubectl >/dev/null || install_debian kubernetes-client || return
  install_python || return
  npm_install tests/browser || return
  java_is_new_enough || install_debian "${JAVA_PACKAGES[@]}" || true
  if ! java_is_new_enough; then
    NOT_INSTALLED+=("Java 17 and Maven: the suites kafka and databases are skipped")
    return 0
  fi
  tests/support/kafka.sh fetch ||
    NOT_INSTALLED+=("Kafka: the suites kafka and databases are skipped")
  install_databases ||
    NOT_INSTALLED+=("databases or Kafka Connect: the suite databases is skipped")
}

# What of the tests could not be had; they run without it.
NOT_INSTALLED=()

# Says so, last; 3 if there is any.
report_not_installed() {
  [ "${#NOT_INSTALLED[@]}" = 0 ] && return 0
  {
    echo
    echo "run: NOT INSTALLED (what failed is told above):"
    printf 'run:   %s\n' "${NOT_INSTALLED[@]}"
  } >&2
  return 3
}

install_databases() {
  install_debian "${DATABASE_PACKAGES[@]}" && tests/support/connect.sh fetch
}

# ClickHouse as a library, beside which ./run bench measures.
install_bench() {
  .deps/venv/bin/python -c 'import chdb' 2>/dev/null && return 0
  echo "run: installing chdb (ClickHouse) into .deps/venv"
  .deps/venv/bin/pip install -q --disable-pip-version-check chdb
}
