#!/bin/sh
# Makes the bucket, closes it to anonymous requests, and makes MLflow's own key, with access to only that bucket.
# Every run ends in the same state. Keys go through standard input: arguments can be read by others on the node.
# The images of Silo and MinIO (ubi9-micro) hold bash, coreutils and mc: no sed, grep, awk or find.
#   ENDPOINT, BUCKET, VERSIONING (enabled or empty)
#   Secrets   files in /run/secrets/mlflow: ROOT_USER, ROOT_PASSWORD, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
set -eu

secrets=${MLFLOW_SECRETS_DIRECTORY:-/run/secrets/mlflow}
work=${WORK_DIRECTORY:-/tmp}
policy=mlflow-$BUCKET

cr=$(printf '\r')
# As programs take it: without the end of line that editors add, on Windows too.
secret() { value=$(cat "$secrets/$1") || exit 1; printf '%s' "${value%"$cr"}"; }
login() { printf '%s\n%s\n' "$(secret ROOT_USER)" "$(secret ROOT_PASSWORD)"; }

waited=0
until login | mc alias set store "$ENDPOINT" >/dev/null 2>"$work/refused"; do
  [ "$waited" -gt 0 ] || echo "waiting for the store: $(tail -n 1 "$work/refused")"
  waited=$((waited + 1))
  if [ "$waited" -ge "${WAIT_SECONDS:-600}" ]; then
    echo "the store refused the login: $(tail -n 1 "$work/refused")" >&2
    exit 1
  fi
  sleep 1
done

mc mb --ignore-existing "store/$BUCKET" >/dev/null
mc anonymous set none "store/$BUCKET" >/dev/null
[ "${VERSIONING:-}" != enabled ] || mc version enable "store/$BUCKET" >/dev/null
echo "bucket $BUCKET is ready and private"

# The same key writes the dumps of the database, which hold what no user may read: only root reads them. The migration
# deletes old ones; a key that may write a dump may replace it too.
cat >"$work/policy.json" <<JSON
{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Resource": ["arn:aws:s3:::$BUCKET"],
   "Action": ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]},
  {"Effect": "Allow", "Resource": ["arn:aws:s3:::$BUCKET/*"],
   "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]},
  {"Effect": "Deny", "Resource": ["arn:aws:s3:::$BUCKET/backups/*"],
   "Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:DeleteObjectVersion"]}]}
JSON
mc admin policy create store "$policy" "$work/policy.json" >/dev/null

key=$(secret AWS_ACCESS_KEY_ID)
printf '%s\n%s\n' "$key" "$(secret AWS_SECRET_ACCESS_KEY)" | mc admin user add store >/dev/null
if ! mc admin policy attach store "$policy" --user "$key" >"$work/attached" 2>&1; then
  # Attached already: mc calls that an error.
  attached=$(mc admin policy entities store --user "$key" --json)
  case $attached in *"\"$policy\""*) ;; *) cat "$work/attached" >&2 && exit 1 ;; esac
fi
# A key that another one replaced opens nothing any more. mc writes one JSON object a line.
mc admin user list store --json >"$work/users"
while read -r user; do
  case $user in *"\"policyName\":\"$policy\""*) ;; *) continue ;; esac
  old=${user#*\"accessKey\":\"}
  old=${old%%\"*}
  [ "$old" = "$key" ] || mc admin user remove store "$old" >/dev/null
done <"$work/users"
echo "MLflow's key can access only that bucket"
