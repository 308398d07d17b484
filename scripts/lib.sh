# Shared by the scripts beside it: Java, Maven and the jars of Apache Kafka. Sourced, never run.
# PENSTOCK_CACHE (default ~/.cache/penstock) keeps the jars between runs; PENSTOCK_JAVA names a java to use.
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
cache=${PENSTOCK_CACHE:-${HOME:-/root}/.cache/penstock}

say() { echo "$(basename "$0"): $*" >&2; }
die() { say "$*"; exit 1; }

# java_version JAVA: its major version, or 0 when it does not run.
java_version() {
  local v
  v=$("$1" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1) || true
  echo "${v:-0}"
}

# apt_install COMMAND PACKAGES...: brings what is missing on Debian-like machines, when we may.
apt_install() {
  local command=$1; shift
  if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
    die "$command is missing; please install: $*"
  fi
  say "$command is missing: installing $*"
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 ||
    { apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends "$@" >/dev/null; } ||
    die "installing $* failed"
}

# need_java: sets java to a Java of version 17 or newer, which Kafka's broker asks for. One that was good before is not
# asked for its version again: that takes as long as a small program, and starts are timed.
need_java() {
  java=${PENSTOCK_JAVA:-$(command -v java || true)}
  [[ -n $java && -e $cache/java-checked && $(<"$cache/java-checked") == "$java" ]] && return
  if [[ -z $java || $(java_version "$java") -lt 17 ]]; then
    [[ -z ${PENSTOCK_JAVA:-} ]] || die "PENSTOCK_JAVA=$PENSTOCK_JAVA is not a Java 17 or newer"
    apt_install "java 17" default-jdk-headless
    java=$(command -v java)
  fi
  mkdir -p "$cache"
  echo "$java" >"$cache/java-checked"
}

# jars PROFILE: sets dir to a folder with the jars of a profile of kafka/pom.xml. The first call fetches them from
# Maven Central; a lock keeps parallel callers from fetching twice, a complete folder appears by one rename.
jars() {
  local sum
  sum=$(cksum <"$here/kafka/pom.xml" | cut -d' ' -f1)
  dir=$cache/jars-$sum/$1
  [[ -d $dir ]] && return
  command -v mvn >/dev/null || apt_install mvn maven
  mkdir -p "$cache/jars-$sum"
  (
    flock 9
    [[ -d $dir ]] && exit 0
    say "fetching the jars of $1"
    rm -rf "$dir.part"; mkdir -p "$dir.part"
    mvn -q -B -f "$here/kafka/pom.xml" -P"$1" dependency:copy-dependencies -DincludeScope=runtime \
      -DoutputDirectory="$dir.part" >"$dir.log" 2>&1 || { grep -m5 ERROR "$dir.log" >&2; exit 1; }
    mv "$dir.part" "$dir"
  ) 9>"$cache/jars-$sum/lock" || die "fetching the jars of $1 failed"
}

# The JVM flags of Kafka's own start scripts, so that the peer runs as its users run it.
jvm_flags=(-server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35
  -XX:+ExplicitGCInvokesConcurrent -Djava.awt.headless=true "-Dlog4j2.configurationFile=$here/kafka/log4j2.properties")
