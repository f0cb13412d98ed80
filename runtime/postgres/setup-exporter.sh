#!/bin/sh
# As setup-database.sh; after it, creates the role with which the exporter reads metrics. Every run ends in the same state.
#   Secrets    files in /run/secrets/mlflow: those of setup-database.sh, EXPORTER, EXPORTER_PASSWORD
set -eu

sh "$(dirname "$0")/setup-database.sh"

secrets=${MLFLOW_SECRETS_DIRECTORY:-/run/secrets/mlflow}
export PGCONNECT_TIMEOUT=5 PGOPTIONS='-c statement_timeout=120s'

cr=$(printf '\r')
# Without the end of line that editors add, on Windows too.
secret() { value=$(cat "$secrets/$1") || exit 1; printf '%s' "${value%"$cr"}"; }
EXPORTER=$(secret EXPORTER)
EXPORTER_PASSWORD=$(secret EXPORTER_PASSWORD)
PGUSER=$(secret SUPERUSER)
PGPASSWORD=$(secret SUPERUSER_PASSWORD)
export EXPORTER EXPORTER_PASSWORD PGUSER PGPASSWORD

# A failing statement is not written to the server's log: it would tell the password.
psql --no-psqlrc -v ON_ERROR_STOP=1 -qAt -d 'dbname=postgres keepalives_idle=20 keepalives_interval=5 keepalives_count=4 tcp_user_timeout=20000' <<'SQL'
SET log_min_error_statement = panic;
SET log_statement = 'none';
SET client_min_messages = warning;
\set role `printf %s "$EXPORTER"`
\set password `printf %s "$EXPORTER_PASSWORD"`
SELECT 'CREATE ROLE cdk8s_metrics NOLOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'cdk8s_metrics') \gexec
SELECT format('CREATE ROLE %I', :'role')
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
SELECT rolsuper OR pg_has_role(oid, 'cdk8s_mlflow', 'MEMBER') AS is_taken FROM pg_roles WHERE rolname = :'role' \gset
\if :is_taken
  DO $$ BEGIN RAISE 'the role of the exporter is a superuser or MLflow''s: give it a name of its own in its Secret'; END $$;
\endif
SELECT format('ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 5 PASSWORD %L',
  :'role', :'password') \gexec
-- Whom pg_hba.conf lets in from inside the pod only.
SELECT format('GRANT pg_monitor, cdk8s_metrics TO %I', :'role') \gexec
SELECT format('GRANT CONNECT ON DATABASE postgres TO %I', :'role') \gexec
SQL
echo "role of the exporter is ready"
