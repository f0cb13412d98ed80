#!/bin/sh
# Beside backup.py, restore.py and restore_drill.py: does what each /work/<number>.postgres asks for, one word a line;
# <number>.out and <number>.errors are what was written, <number>.code, which comes last, how it ended.
#   dump DATABASE FILE SNAPSHOT        a dump of what a transaction sees that exported SNAPSHOT
#   restore DATABASE FILE SCHEMA       puts it in the place of what is there, which SCHEMA then holds; in one transaction
#   DUMP_KIBIBYTES  a dump may have this size at most: Kubernetes evicts a pod whose volume is full, without a word
#   DRILL_DATA      folder of a PostgreSQL of its own on 127.0.0.1, in place of the platform's
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

# PID 1 has no default for them (PostgreSQL's image has itself stopped by INT); what runs then ends with the container.
trap 'exit 0' TERM INT

# For each request: a password can be rotated meanwhile.
log_in() {
  [ -n "${DRILL_DATA:-}" ] && return
  PGUSER=$(secret PGUSER) && PGPASSWORD=$(secret PGPASSWORD) || exit 1
  export PGUSER PGPASSWORD
}

# In units of 512 bytes. Writing more fails then, as on a full disk, instead of killing pg_dump.
dump() {
  trap '' XFSZ
  ulimit -f $((limit * 2)) || exit 1
  # It waits for locks, e.g. those of a VACUUM FULL, but not for ever. What a restore kept beside is not dumped.
  pg_dump --no-password --lock-wait-timeout=60s --format=custom --snapshot="$3" --exclude-schema='before_*' --file="$2" \
    --dbname="dbname='$1' $keepalive" && return
  code=$?
  size=$(wc -c <"$2" 2>/dev/null || echo 0)
  rm -f "$2"
  if [ "$size" -ge $((limit * 1024)) ]; then
    echo "The dump needs more than $(((limit + 1023) / 1024)) MiB. Give the backup more dumpSpace." >&2
  fi
  exit "$code"
}

# COMMIT is said only if pg_restore came to the end of the dump.
restore() {
  {
    echo 'BEGIN;'
    echo "SET LOCAL lock_timeout = '60s';"
    echo "SET LOCAL client_min_messages = warning;"
    echo "ALTER SCHEMA public RENAME TO \"$3\";"
    echo 'CREATE SCHEMA public;'
    pg_restore --no-owner --no-privileges --schema=public --file=- "$2" && printf '%s\n' 'COMMIT;' '\echo restored'
    # A server before PostgreSQL 17 does not know this setting, which pg_restore 17 writes into its first lines.
  } | sed '1,40{/^SET transaction_timeout = 0;$/d;}' | psql --no-psqlrc --no-password -qAt -v ON_ERROR_STOP=1 --dbname="dbname='$1' $keepalive" >"$2.restored"
  grep -q '^restored$' "$2.restored"
}

# serve NUMBER
serve() {
  echo begun >>"$1.begun"
  if [ "$(wc -l <"$1.begun")" -gt 3 ]; then
    echo 'PostgreSQL was killed three times on its way (does it have too little memory?)' >"$1.errors"
    code=1
  else
    (
      request=$1
      log_in
      set --
      while IFS= read -r word; do set -- "$@" "$word"; done <"$request.postgres"
      case $1 in
        dump) dump "$2" "$3" "$4" ;;
        restore) restore "$2" "$3" "$4" ;;
        *) echo "unknown request: $1" >&2 && exit 1 ;;
      esac
    ) >"$1.out" 2>"$1.errors" </dev/null
    code=$?
  fi
  echo "$code" >"$1.ended"
  mv "$1.ended" "$1.code"
  rm -f "$1.postgres"
}

if [ -n "${DRILL_DATA:-}" ] && [ ! -e "$DRILL_DATA/PG_VERSION" ]; then
  # initdb asks for the name of its user. One that the cluster chose may have none; the image has this library for it.
  if ! id -un >/dev/null 2>&1; then
    export NSS_WRAPPER_PASSWD="$work/passwd" NSS_WRAPPER_GROUP="$work/group" LD_PRELOAD=libnss_wrapper.so
    echo "mlflow:x:$(id -u):$(id -g)::/tmp:/bin/sh" >"$NSS_WRAPPER_PASSWD"
    echo "mlflow:x:$(id -g):" >"$NSS_WRAPPER_GROUP"
  fi
  # Only containers of this pod reach 127.0.0.1, and it ends with them.
  initdb --pgdata="$DRILL_DATA" --username=mlflow --auth=trust --encoding=UTF8 --locale=C --no-sync >/dev/null || exit 1
  unset LD_PRELOAD
fi
if [ -n "${DRILL_DATA:-}" ]; then
  rm -f "$DRILL_DATA/postmaster.pid"
  # Without parallel workers: they would share the 64 MiB of the container's /dev/shm.
  postgres -D "$DRILL_DATA" -h 127.0.0.1 -p "$PGPORT" -k "$work" -c fsync=off -c full_page_writes=off \
    -c max_parallel_workers_per_gather=0 -c max_parallel_maintenance_workers=0 &
fi

serving=
while :; do
  # What the liveness probe looks at. A dump runs beside the loop, and may take hours.
  touch "$work/alive-postgres"
  for request in "$work"/*.postgres; do
    if [ -e "$request" ] && [ ! -e "$serving" ]; then
      serving=$request
      serve "${request%.postgres}" &
    fi
  done
  # In the background: a shell acts on a signal only when its foreground child has ended.
  sleep 0.2 &
  wait $!
done
