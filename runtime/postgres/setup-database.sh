#!/bin/sh
# Makes MLflow's own role and its databases; every run ends in the same state, so it can run again at any time.
#   DATABASES  names, separated by spaces; all are owned by the role and closed to every other role
#   Secrets    files in /run/secrets/mlflow: SUPERUSER, SUPERUSER_PASSWORD, ROLE, ROLE_PASSWORD
set -eu

secrets=${MLFLOW_SECRETS_DIRECTORY:-/run/secrets/mlflow}
# A connection whose other end is gone, as after the loss of a node, ends; libpq has no variables for it.
keepalive='keepalives_idle=20 keepalives_interval=5 keepalives_count=4 tcp_user_timeout=20000'
# Nothing here takes long, so what does waits for a lock that another session holds.
export PGCONNECT_TIMEOUT=5 PGOPTIONS='-c statement_timeout=120s'

cr=$(printf '\r')
# As programs take it: without the end of line that editors add, on Windows too.
secret() { value=$(cat "$secrets/$1") || exit 1; printf '%s' "${value%"$cr"}"; }
ROLE=$(secret ROLE)
ROLE_PASSWORD=$(secret ROLE_PASSWORD)
export ROLE ROLE_PASSWORD

# At each try: a password can be rotated meanwhile.
log_in() {
  PGUSER=$(secret SUPERUSER) && PGPASSWORD=$(secret SUPERUSER_PASSWORD) && export PGUSER PGPASSWORD
}

waited=0
until { log_in && psql --no-psqlrc -d "dbname=postgres $keepalive" -qAtc 'SELECT 1'; } >/dev/null 2>/tmp/refused; do
  [ "$waited" -gt 0 ] || echo "waiting for the database: $(tail -n 1 /tmp/refused)"
  waited=$((waited + 1))
  if [ "$waited" -ge "${WAIT_SECONDS:-600}" ]; then
    echo "the database did not answer: $(tail -n 1 /tmp/refused)" >&2
    echo "if the password is wrong: a database keeps the one it was made with; put that one into its Secret" >&2
    exit 1
  fi
  sleep 1
done

# run DATABASE [options of psql]
run() {
  database_name=$1
  shift
  psql --no-psqlrc -v ON_ERROR_STOP=1 -qAt -d "dbname='$database_name' $keepalive" "$@"
}

# A failing statement is not written to the server's log: it would tell the password.
run postgres <<'SQL'
SET log_min_error_statement = panic;
SET log_statement = 'none';
SET client_min_messages = warning;
\set role `printf %s "$ROLE"`
\set password `printf %s "$ROLE_PASSWORD"`
SELECT 'CREATE ROLE cdk8s_mlflow NOLOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cdk8s_mlflow') \gexec
SELECT format('CREATE ROLE %I', :'role')
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
SELECT rolsuper AS is_superuser FROM pg_roles WHERE rolname = :'role' \gset
\if :is_superuser
  DO $$ BEGIN RAISE 'the role of MLflow is a superuser: give it a name of its own in its Secret'; END $$;
\endif
SELECT format('ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD %L',
  :'role', :'password') \gexec
-- Whom pg_hba.conf lets into these databases and into no other.
SELECT format('GRANT cdk8s_mlflow TO %I', :'role') \gexec
REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC;
SQL

for database in $DATABASES; do
  run postgres -v database="$database" <<'SQL'
\set role `printf %s "$ROLE"`
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'role')
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
SELECT format('ALTER DATABASE %I OWNER TO %I', :'database', :'role') \gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'database') \gexec
SQL
  run "$database" <<'SQL'
\set role `printf %s "$ROLE"`
SELECT format('ALTER SCHEMA public OWNER TO %I', :'role') \gexec
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SQL
  echo "database $database is ready"
done
