#!/bin/sh
# Beside migrate.py: for each /work/<database>.request dumps that database to <database>.dump, whole or not at all;
# why it failed is told in <database>.failed. The request goes last, so that one cut short is served again.
#   DUMP_KIBIBYTES  a dump may have this size at most: Kubernetes evicts a pod whose volume is full, without a word
set -u

work=${WORK_DIRECTORY:-/work}
secrets=${MLFLOW_SECRETS_DIRECTORY:-/run/secrets/mlflow}
limit=${DUMP_KIBIBYTES:-1073741824}
# Ends a connection whose other end is gone, as after the loss of a node; libpq has no variables for it.
keepalive='keepalives_idle=20 keepalives_interval=5 keepalives_count=4 tcp_user_timeout=20000'
export PGCONNECT_TIMEOUT=30
cr=$(printf '\r')
# As programs take it: without the end of line that editors add, on Windows too.
secret() { value=$(cat "$secrets/$1") || exit 1; printf '%s' "${value%"$cr"}"; }

# PID 1 has no default for them (PostgreSQL's image has itself stopped by INT); with PID 1 a dump that runs ends too.
trap 'exit 0' TERM INT

dump() {
  database=$(basename "$1")
  echo "dumping $database"
  echo begun >>"$1.begun"
  if [ "$(wc -l <"$1.begun")" -gt 3 ]; then
    echo 'pg_dump was killed three times on its way (does it have too little memory?)' >"$1.errors"
  else
    # In units of 512 bytes. Writing more fails then, as on a full disk, instead of killing pg_dump.
    (
      trap '' XFSZ
      ulimit -f $((limit * 2)) || exit 1
      # For each dump: a password can be rotated meanwhile.
      PGUSER=$(secret PGUSER) && PGPASSWORD=$(secret PGPASSWORD) || exit 1
      export PGUSER PGPASSWORD
      # It waits for locks, e.g. those of a VACUUM FULL, but not for ever.
      exec pg_dump --no-password --lock-wait-timeout=300s --format=custom --file="$1.part" \
        --dbname="dbname='$database' $keepalive"
    ) 2>"$1.errors"
    code=$?
    if [ "$code" = 0 ]; then
      mv "$1.part" "$1.dump"
      echo "dumped $database"
      rm -f "$1.request"
      return
    fi
    size=$(wc -c <"$1.part" 2>/dev/null || echo 0)
    # First, as the disk may be full.
    rm -f "$1.part"
    echo "pg_dump ended with $code" >>"$1.errors"
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
