"""Tries to reach other buckets and databases with the server's own keys; runs in the server's container.

`python own_keys.py BUCKET OTHER_BUCKET OTHER_DATABASE...` prints the result of each try as JSON: "denied", or the answer.
"""

import json
import os
import sys

import boto3
import botocore
import psycopg2

sys.path.insert(0, "/opt/cdk8s-mlflow")
import secret_files  # noqa: E402

secret_files.load()
bucket, other, *databases = sys.argv[1:]
client = boto3.client("s3", endpoint_url=os.environ["MLFLOW_S3_ENDPOINT_URL"])
told = []


def ask(what, question):
    try:
        told.append([what, question()])
    except botocore.exceptions.ClientError as error:
        denied = error.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        told.append([what, "denied" if denied else str(error)])
    except psycopg2.Error as error:
        told.append([what, "denied" if "permission denied" in str(error) or "rejects" in str(error) else str(error)])


def connect(database):
    with psycopg2.connect(dbname=database) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        return cursor.fetchone()[0]


ask("own bucket", lambda: client.list_objects_v2(Bucket=bucket)["Name"])
ask("buckets that it sees", lambda: [each["Name"] for each in client.list_buckets()["Buckets"]])
ask("list of another bucket", lambda: client.list_objects_v2(Bucket=other)["Name"])
ask("object of another bucket", lambda: client.get_object(Bucket=other, Key="secret")["ETag"])
ask("write to another bucket", lambda: client.put_object(Bucket=other, Key="intruder", Body=b"x")["ETag"])
ask("delete in another bucket", lambda: str(client.delete_object(Bucket=other, Key="secret")))
ask("a new bucket", lambda: str(client.create_bucket(Bucket="intruder")))
ask("the own bucket made public", lambda: str(client.put_bucket_policy(Bucket=bucket, Policy=json.dumps({
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    ],
}))))
ask("a dump of the database", lambda: client.get_object(Bucket=bucket, Key="backups/x")["ETag"])
ask("own database", lambda: connect(os.environ["PGDATABASE"]))
for database in databases:
    ask(f"database {database}", lambda: connect(database))
print(json.dumps(dict(told)))
