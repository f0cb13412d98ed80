#!/bin/sh
# Dumps each database that `migrate.py check` listed in /work/databases to /work/<name>.dump; none, where nothing can be lost.
set -eu

work=${WORK_DIRECTORY:-/work}
secrets=${MLFLOW_SECRETS_DIRECTORY:-/run/secrets/mlflow}
PGUSER=$(cat "$secrets/PGUSER")
PGPASSWORD=$(cat "$secrets/PGPASSWORD")
export PGUSER PGPASSWORD

while read -r database; do
  echo "dumping $database"
  pg_dump --format=custom --file="$work/$database.part" "$database"
  mv "$work/$database.part" "$work/$database.dump"
done <"$work/databases"
