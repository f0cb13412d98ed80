#!/bin/sh
# Starts SeaweedFS with the logins of the Secrets, makes MLflow's bucket, and follows changes of the Secrets.
# The image (Alpine) has busybox, curl and weed. Keys are in no argument and no log, and in no file outside of memory.
#   arguments  those of weed
#   BUCKET     MLflow's bucket
#   Secrets    files in /run/secrets/mlflow: ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY, AWS_ACCESS_KEY_ID,
#              AWS_SECRET_ACCESS_KEY
# /run/seaweedfs (memory): identities.json, which weed reads at its start and on SIGHUP; ready, for the readiness probe.
set -eu

secrets=${MLFLOW_SECRETS_DIRECTORY:-/run/secrets/mlflow}
config=${CONFIG_DIRECTORY:-/run/seaweedfs}

cr=$(printf '\r')
# As programs take it: without the end of line that editors add, on Windows too.
secret() {
  value=$(cat "$secrets/$1") || return 1
  value=${value%"$cr"}
  [ -n "$value" ] || { echo "$1: the key of the Secret is empty; expected a value" >&2 && return 1; }
  printf '%s' "$value"
}
# As the inside of a JSON string, without line feeds.
json() { printf '%s' "$1" | tr -d '\n' | sed 's/[\\"]/\\&/g'; }

# The same key writes the dumps of the database, which hold what no user may read: only root reads them. The migration
# deletes old ones; a key that may write a dump may replace it too.
policy() {
  cat <<JSON
{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Resource": ["arn:aws:s3:::$BUCKET"],
   "Action": ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]},
  {"Effect": "Allow", "Resource": ["arn:aws:s3:::$BUCKET/*"],
   "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]},
  {"Effect": "Deny", "Resource": ["arn:aws:s3:::$BUCKET/backups/*"],
   "Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:DeleteObjectVersion"]}]}
JSON
}

# credential ID KEY, the names of their files
credential() {
  id=$(secret "$1") && key=$(secret "$2") || return 1
  printf '[{"accessKey": "%s", "secretKey": "%s"}]' "$(json "$id")" "$(json "$key")"
}

# Without an identity weed would accept every request, so a Secret that lacks something ends the program.
identities() {
  root=$(credential ROOT_ACCESS_KEY_ID ROOT_SECRET_ACCESS_KEY) || return 1
  mlflow=$(credential AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY) || return 1
  cat <<JSON
{"identities": [
  {"name": "root", "credentials": $root, "actions": ["Admin"]},
  {"name": "mlflow", "credentials": $mlflow, "policyNames": ["mlflow"]}],
 "policies": [{"name": "mlflow", "content": "$(json "$(policy)")"}]}
JSON
}

# weed's own files keep the mode that it gives them.
hand_over() { (umask 077 && printf '%s\n' "$1" >"$config/identities.json"); }

# Both are as they were if they exist already. weed shell has no exit code that all versions agree on.
set_up() {
  weed shell -master=127.0.0.1:9333 -filer=127.0.0.1:8888 2>&1 <<END
fs.configure -locationPrefix=/buckets/ -fsync=true -apply
s3.bucket.create -name $BUCKET -owner root
fs.configure
fs.ls /buckets
END
}

# Is the last line of the listing, or one before, the bucket, and does every write reach the disk before it is answered?
is_set_up() {
  case $1 in *'"fsync":'*true*) ;; *) return 1 ;; esac
  printf '%s\n' "$1" | grep -qxF "$BUCKET"
}

# Parts of uploads that began more than a day ago and never ended: weed itself keeps them.
clean_uploads() {
  echo 's3.clean.uploads -timeAgo=24h' | weed shell -master=127.0.0.1:9333 -filer=127.0.0.1:8888 >/dev/null 2>&1 || true
}

# In the background: makes the bucket as soon as the server answers, and then hands over what changes in the Secrets.
watch_over() {
  tries=0
  until said=$(set_up || true) && is_set_up "$said"; do
    tries=$((tries + 1))
    [ $((tries % 15)) -ne 0 ] || printf 'the bucket cannot be made yet: %s\n' "$said" >&2
    sleep 2
  done
  touch "$config/ready"
  echo "bucket $BUCKET is ready and private; MLflow's key can access only that bucket" >&2
  rounds=0
  while sleep "${FOLLOW_SECONDS:-10}"; do
    # Soon after the start, and once a day.
    [ $((rounds % 8640)) -ne 0 ] || clean_uploads
    rounds=$((rounds + 1))
    wanted=$(identities) || continue
    [ "$wanted" != "$(cat "$config/identities.json")" ] || continue
    hand_over "$wanted"
    kill -HUP "$$"
    echo 'the keys of the Secrets have changed, and the old ones are refused from now on' >&2
  done
}

rm -f "$config/ready"
wanted=$(identities) || exit 1
hand_over "$wanted"

# Parts of one process talk to each other with them. They live as long as it does.
for each in WEED_JWT_SIGNING_KEY WEED_JWT_SIGNING_READ_KEY WEED_JWT_FILER_SIGNING_KEY WEED_JWT_FILER_SIGNING_READ_KEY; do
  value=$(head -c 32 /dev/urandom | base64)
  export "$each=$value"
done
unset value wanted

# A limit that versions before it do not know.
case $(weed help server 2>&1 || true) in *-s3.readerCacheSizeMB*) set -- "$@" -s3.readerCacheSizeMB=64 ;; esac

watch_over &
exec weed -logtostderr=true "$@" "-s3.config=$config/identities.json"
