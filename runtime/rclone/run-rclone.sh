#!/bin/sh
# Beside backup.py, restore.py, restore_drill.py and move_artifacts.py: runs rclone with the arguments, one a line, of each
# /work/<number>.rclone; <number>.out and <number>.errors are what it wrote, <number>.code, which comes last, how it ended.
#   STORE_URI      the artifact store: the remote `source:`; a drill has none
#   TARGET_REMOTE  where backups are kept: the remote `target:`; a path, bucket:<bucket>/<folder>, or one of rclone.conf
#   DESTINATION_URI  instead of it: an artifact store as the remote `target:`. The variables and files of its connection have
#                  this prefix too, e.g. DESTINATION_AWS_ACCESS_KEY_ID
#   AWS_CA_BUNDLE, TARGET_CA_BUNDLE  files with the authority of their certificates, if it is not one that the image knows
#   AUTHORITY_FILE  the same, of both
#   Secrets        files in /run/secrets/mlflow: of the store AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, of the target
#                  TARGET_ACCESS_KEY_ID and TARGET_SECRET_ACCESS_KEY, ENCRYPTION_PASSWORD, RCLONE_CONF
set -u

work=${WORK_DIRECTORY:-/work}
secrets=${MLFLOW_SECRETS_DIRECTORY:-/run/secrets/mlflow}
cr=$(printf '\r')
# As programs take it: without the end of line that editors add, on Windows too.
secret() { value=$(cat "$secrets/$1") || exit 1; printf '%s' "${value%"$cr"}"; }

# rclone's own client of S3 would read it, and fails.
store_authority=${AWS_CA_BUNDLE:-}
unset AWS_CA_BUNDLE

# PID 1 has no default for them; what runs then ends with the container.
trap 'exit 0' TERM INT

# A request that gets no answer ends within minutes, and is tried again a few times.
export RCLONE_CONTIMEOUT=20s RCLONE_TIMEOUT=2m RCLONE_LOW_LEVEL_RETRIES=5 RCLONE_RETRIES=3 RCLONE_RETRIES_SLEEP=5s
export RCLONE_TRANSFERS=8 RCLONE_CHECKERS=16 RCLONE_BUFFER_SIZE=4Mi

# The remote of an artifact store, in $found, by the settings and the files of Secrets with which MLflow opens it too:
# store NAME URI ENDPOINT REGION ADDRESSING_STYLE GOOGLE_KEY_FILE, and of its Secrets KEY_ID KEY ACCOUNT_KEY
store() {
  setting=RCLONE_CONFIG_$1
  remote=store
  [ "$1" = STORE ] || remote=destination
  found=/nonexistent
  case $2 in
    file://*) found=${2#file://} ;;
    s3://*)
      found=$remote:${2#s3://}
      export "${setting}_TYPE=s3" "${setting}_NO_CHECK_BUCKET=true" "${setting}_REGION=$4" "${setting}_PROVIDER=AWS"
      [ -z "$3" ] || export "${setting}_PROVIDER=Other" "${setting}_ENDPOINT=$3"
      [ "$5" != virtual ] || export "${setting}_FORCE_PATH_STYLE=false"
      if [ -e "$secrets/$7" ]; then
        value=$(secret "$7") || exit 1
        export "${setting}_ACCESS_KEY_ID=$value"
        value=$(secret "$8") || exit 1
        export "${setting}_SECRET_ACCESS_KEY=$value"
      else
        export "${setting}_ENV_AUTH=true"
      fi
      ;;
    gs://*)
      found=$remote:${2#gs://}
      export "${setting}_TYPE=google cloud storage" "${setting}_NO_CHECK_BUCKET=true" "${setting}_BUCKET_POLICY_ONLY=true"
      if [ -n "$6" ]; then
        export "${setting}_SERVICE_ACCOUNT_FILE=$6"
      else
        export "${setting}_ENV_AUTH=true"
      fi
      ;;
    wasbs://*@*)
      # wasbs://<container>@<account>.<domain>[/<folder>]
      container=${2#wasbs://}
      container=${container%%@*}
      path=${2#*@}/
      host=${path%%/*}
      path=${path#*/}
      found=$remote:$container/${path%/}
      export "${setting}_TYPE=azureblob" "${setting}_NO_CHECK_CONTAINER=true" "${setting}_ACCOUNT=${host%%.*}"
      [ "${host#*.}" = blob.core.windows.net ] || export "${setting}_ENDPOINT=${host#*.}"
      if [ -e "$secrets/$9" ]; then
        value=$(secret "$9") || exit 1
        export "${setting}_KEY=$value"
      else
        export "${setting}_ENV_AUTH=true"
      fi
      ;;
  esac
}

# For each request: a key can be rotated meanwhile. It ends the shell if a Secret lacks something.
configure() {
  store STORE "${STORE_URI:-}" "${MLFLOW_S3_ENDPOINT_URL:-}" "${AWS_DEFAULT_REGION:-}" \
    "${MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE:-}" "${GOOGLE_APPLICATION_CREDENTIALS:-}" \
    AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AZURE_STORAGE_ACCESS_KEY
  source=$found
  if [ -n "${DESTINATION_URI:-}" ]; then
    store DESTINATION "$DESTINATION_URI" "${DESTINATION_MLFLOW_S3_ENDPOINT_URL:-}" "${DESTINATION_AWS_DEFAULT_REGION:-}" \
      "${DESTINATION_MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE:-}" "${DESTINATION_GOOGLE_APPLICATION_CREDENTIALS:-}" \
      DESTINATION_AWS_ACCESS_KEY_ID DESTINATION_AWS_SECRET_ACCESS_KEY DESTINATION_AZURE_STORAGE_ACCESS_KEY
    TARGET_REMOTE=$found
  fi
  export RCLONE_CONFIG_SOURCE_TYPE=alias RCLONE_CONFIG_SOURCE_REMOTE="$source"
  case $TARGET_REMOTE in
    bucket:*)
      export RCLONE_CONFIG_BUCKET_TYPE=s3 RCLONE_CONFIG_BUCKET_NO_CHECK_BUCKET=true
      export RCLONE_CONFIG_BUCKET_REGION="${TARGET_REGION:-}"
      export RCLONE_CONFIG_BUCKET_PROVIDER=AWS
      if [ -n "${TARGET_ENDPOINT:-}" ]; then
        export RCLONE_CONFIG_BUCKET_PROVIDER=Other RCLONE_CONFIG_BUCKET_ENDPOINT="$TARGET_ENDPOINT"
      fi
      [ -n "${TARGET_PATH_STYLE:-}" ] && export RCLONE_CONFIG_BUCKET_FORCE_PATH_STYLE="$TARGET_PATH_STYLE"
      if [ -e "$secrets/TARGET_ACCESS_KEY_ID" ]; then
        RCLONE_CONFIG_BUCKET_ACCESS_KEY_ID=$(secret TARGET_ACCESS_KEY_ID) || exit 1
        RCLONE_CONFIG_BUCKET_SECRET_ACCESS_KEY=$(secret TARGET_SECRET_ACCESS_KEY) || exit 1
        export RCLONE_CONFIG_BUCKET_ACCESS_KEY_ID RCLONE_CONFIG_BUCKET_SECRET_ACCESS_KEY
      else
        export RCLONE_CONFIG_BUCKET_ENV_AUTH=true
      fi
      ;;
  esac
  if [ -n "$store_authority${TARGET_CA_BUNDLE:-}${DESTINATION_AWS_CA_BUNDLE:-}${AUTHORITY_FILE:-}" ]; then
    # rclone trusts only what it is told then, for all of its remotes.
    for file in /etc/ssl/certs/ca-certificates.crt "$store_authority" "${TARGET_CA_BUNDLE:-}" "${DESTINATION_AWS_CA_BUNDLE:-}" \
      "${AUTHORITY_FILE:-}"; do
      [ -z "$file" ] || { cat "$file" && echo; } || exit 1
    done >/tmp/authorities.crt
    export RCLONE_CA_CERT=/tmp/authorities.crt
  fi
  config=
  if [ -e "$secrets/RCLONE_CONF" ]; then
    # rclone writes renewed tokens into it. cp would keep the mode of the Secret's file, which cannot be written again.
    config=/tmp/rclone.conf
    (umask 077 && cat "$secrets/RCLONE_CONF" >"$config") || exit 1
  fi
  export RCLONE_CONFIG_PLAIN_TYPE=alias RCLONE_CONFIG_PLAIN_REMOTE="$TARGET_REMOTE"
  export RCLONE_CONFIG_TARGET_TYPE=alias RCLONE_CONFIG_TARGET_REMOTE="$TARGET_REMOTE"
  if [ -e "$secrets/ENCRYPTION_PASSWORD" ]; then
    RCLONE_CONFIG_TARGET_PASSWORD=$(secret ENCRYPTION_PASSWORD | rclone --config= obscure -) || exit 1
    export RCLONE_CONFIG_TARGET_TYPE=crypt RCLONE_CONFIG_TARGET_PASSWORD
  fi
}

# serve NUMBER
serve() {
  echo begun >>"$1.begun"
  if [ "$(wc -l <"$1.begun")" -gt 3 ]; then
    echo 'rclone was killed three times on its way (does it have too little memory?)' >"$1.errors"
    code=1
  else
    (
      request=$1
      configure
      set --
      while IFS= read -r argument; do set -- "$@" "$argument"; done <"$request.rclone"
      exec rclone --config="$config" "$@"
    ) >"$1.out" 2>"$1.errors" </dev/null
    code=$?
  fi
  echo "$code" >"$1.ended"
  mv "$1.ended" "$1.code"
  rm -f "$1.rclone"
}

serving=
while :; do
  # What the liveness probe looks at. A copy runs beside the loop, and may take hours.
  touch "$work/alive-rclone"
  for request in "$work"/*.rclone; do
    if [ -e "$request" ] && [ ! -e "$serving" ]; then
      serving=$request
      serve "${request%.rclone}" &
    fi
  done
  # In the background: a shell acts on a signal only when its foreground child has ended.
  sleep 0.2 &
  wait $!
done
