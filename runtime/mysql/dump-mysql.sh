#!/bin/sh
# Beside migrate.py, in an image of MariaDB or MySQL: for each /work/<database>.request dumps that database to
# <database>.dump, whole or not at all, compressed by gzip; why it failed is told in <database>.failed. The request goes
# last, so that one cut short is served again.
#   DUMP_KIBIBYTES  a dump may have this size at most: Kubernetes evicts a pod whose volume is full, without a word
set -u

work=${WORK_DIRECTORY:-/work}
secrets=${MLFLOW_SECRETS_DIRECTORY:-/run/secrets/mlflow}
limit=${DUMP_KIBIBYTES:-1073741824}
cr=$(printf '\r')
# As programs take it: without the end of line that editors add, on Windows too.
secret() { value=$(cat "$secrets/$1") || exit 1; printf '%s' "${value%"$cr"}"; }

# PID 1 has no default for them; with PID 1 a dump that runs ends too.
trap 'exit 0' TERM INT

# The two programs have options of their own for TLS. Those of MariaDB check the certificate by default since 11.4.
if type mariadb-dump >/dev/null 2>&1; then
  program=mariadb-dump
  case $MYSQL_SSL_MODE in
    DISABLED) tls=--skip-ssl ;;
    VERIFY_IDENTITY) tls='--ssl --ssl-verify-server-cert' ;;
    *) tls='--ssl --skip-ssl-verify-server-cert' ;;
  esac
else
  program=mysqldump
  # Without them it asks for statistics that MariaDB lacks, and writes what only an administrator can restore.
  tls="--ssl-mode=$MYSQL_SSL_MODE --column-statistics=0 --set-gtid-purged=OFF"
fi
[ -z "${MYSQL_SSL_CA:-}" ] || tls="$tls --ssl-ca=$MYSQL_SSL_CA"
[ -z "${MYSQL_SSL_CERT:-}" ] || tls="$tls --ssl-cert=$MYSQL_SSL_CERT --ssl-key=$MYSQL_SSL_KEY"

# A snapshot: servers go on writing meanwhile.
dump_sql() {
  # For each dump: a password can be rotated meanwhile.
  user=$(secret MYSQL_USER) && MYSQL_PWD=$(secret MYSQL_PWD) || return 1
  export MYSQL_PWD
  # $tls is several words. No file of options of the image is read.
  # shellcheck disable=SC2086
  set -- --no-defaults --host="$MYSQL_HOST" --port="$MYSQL_TCP_PORT" --protocol=tcp --user="$user" $tls \
    --single-transaction --quick --skip-lock-tables --no-tablespaces --hex-blob --default-character-set=utf8mb4 "$1"
  # By eval, as an image has one of the two programs.
  eval "$program" '"$@"'
}

dump() {
  database=$(basename "$1")
  echo "dumping $database"
  echo begun >>"$1.begun"
  if [ "$(wc -l <"$1.begun")" -gt 3 ]; then
    echo 'The dump was killed three times on its way (does it have too little memory?)' >"$1.errors"
  else
    # In units of 512 bytes. Writing more fails then, as on a full disk, instead of killing gzip.
    (
      trap '' XFSZ
      ulimit -f $((limit * 2)) || exit 1
      rm -f "$1.whole"
      { dump_sql "$database" && : >"$1.whole"; } | gzip >"$1.part" && [ -e "$1.whole" ]
    ) 2>"$1.errors"
    code=$?
    if [ "$code" = 0 ]; then
      mv "$1.part" "$1.dump"
      echo "dumped $database"
      rm -f "$1.request" "$1.whole"
      return
    fi
    size=$(wc -c <"$1.part" 2>/dev/null || echo 0)
    # First, as the disk may be full.
    rm -f "$1.part" "$1.whole"
    echo "$program or gzip failed" >>"$1.errors"
    if [ "$size" -ge $((limit * 1024)) ]; then
      echo "The dump needs more than $(((limit + 1023) / 1024)) MiB. Give the server more dumpSpace." >>"$1.errors"
    fi
  fi
  tail -n 5 "$1.errors" | tee "$1.failing" >&2
  mv "$1.failing" "$1.failed"
  rm -f "$1.request"
}

serving=
while :; do
  # What the liveness probe looks at. A dump runs beside the loop, and may take hours.
  touch "$work/alive"
  for request in "$work"/*.request; do
    if [ -e "$request" ] && [ ! -e "$serving" ]; then
      serving=$request
      dump "${request%.request}" &
    fi
  done
  # In the background: a shell acts on a signal only when its foreground child has ended.
  sleep 1 &
  wait $!
done
