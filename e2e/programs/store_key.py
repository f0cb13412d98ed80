"""What MLflow's own key can do in the embedded store, in the server's own pod: prints it as JSON, name by name.

`python store_key.py HOST PORT BUCKET OTHER_BUCKET DUMP` where DUMP is the key of an object below backups/.
"""

import json
import pathlib
import socket
import sys

import boto3
import botocore.config
import botocore.exceptions

HOST, PORT, BUCKET, OTHER, DUMP = sys.argv[1:]
SECRETS = pathlib.Path("/run/secrets/mlflow")
KEY, SECRET = ((SECRETS / name).read_text() for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))


def client(key, secret):
    return boto3.client(
        "s3",
        endpoint_url=f"http://{HOST}:{PORT}",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        region_name="us-east-1",
        config=botocore.config.Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )


def tried(act):
    try:
        answer = act()
    except botocore.exceptions.ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]
    return [each["Code"] for each in answer["Errors"]] if answer.get("Errors") else "done"


def connects(port):
    with socket.socket() as connection:
        connection.settimeout(2)
        return connection.connect_ex((HOST, port)) == 0


own, wrong = client(KEY, SECRET), client(KEY, SECRET[::-1])
anyone = boto3.client(
    "s3",
    endpoint_url=f"http://{HOST}:{PORT}",
    region_name="us-east-1",
    config=botocore.config.Config(signature_version=botocore.UNSIGNED, s3={"addressing_style": "path"}),
)
copy = {"Bucket": BUCKET, "Key": "artifacts/copied"}
print(json.dumps({
    "write a file": tried(lambda: own.put_object(Bucket=BUCKET, Key="artifacts/by-key", Body=b"text")),
    "read it": tried(lambda: own.get_object(Bucket=BUCKET, Key="artifacts/by-key")),
    "list the bucket": tried(lambda: own.list_objects_v2(Bucket=BUCKET)),
    "delete it": tried(lambda: own.delete_object(Bucket=BUCKET, Key="artifacts/by-key")),
    "write a dump": tried(lambda: own.put_object(Bucket=BUCKET, Key="backups/by-key.dump", Body=b"dump")),
    "read a dump": tried(lambda: own.get_object(Bucket=BUCKET, Key=DUMP)),
    "copy a dump": tried(lambda: own.copy_object(CopySource=f"{BUCKET}/{DUMP}", **copy)),
    "delete a dump": tried(lambda: own.delete_object(Bucket=BUCKET, Key="backups/by-key.dump")),
    "read from another bucket": tried(lambda: own.get_object(Bucket=OTHER, Key="file")),
    "write to another bucket": tried(lambda: own.put_object(Bucket=OTHER, Key="file", Body=b"")),
    "list another bucket": tried(lambda: own.list_objects_v2(Bucket=OTHER)),
    "make a bucket": tried(lambda: own.create_bucket(Bucket="by-key")),
    "open the bucket": tried(lambda: own.put_bucket_acl(Bucket=BUCKET, ACL="public-read-write")),
    "read without a login": tried(lambda: anyone.get_object(Bucket=BUCKET, Key=DUMP)),
    "read with a wrong key": tried(lambda: wrong.list_objects_v2(Bucket=BUCKET)),
    "ports": [port for port in (8080, 8333, 8888, 9327, 9333, 18080, 18333, 18888, 19333) if connects(port)],
}))
