"""Prints JSON: the SHA-256 of each artifact in the store of the server in whose container it runs, by its key.

`python stored_checksums.py BUCKET`
"""

import hashlib
import json
import os
import pathlib
import sys

import boto3
import botocore.config

BUCKET = sys.argv[1]
SECRETS = pathlib.Path("/run/secrets/mlflow")
KEY, SECRET = ((SECRETS / name).read_text().strip() for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))

store = boto3.client(
    "s3",
    endpoint_url=os.environ["MLFLOW_S3_ENDPOINT_URL"],
    aws_access_key_id=KEY,
    aws_secret_access_key=SECRET,
    region_name="us-east-1",
    config=botocore.config.Config(s3={"addressing_style": "path"}),
)
pages = store.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="artifacts/")
keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
print(json.dumps({key: hashlib.sha256(store.get_object(Bucket=BUCKET, Key=key)["Body"].read()).hexdigest() for key in keys}))
