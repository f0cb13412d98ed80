"""Tries to reach the database and the store without their passwords.

`python stores.py DATABASE_HOST STORE_HOST BUCKET` prints as JSON how many requests it tried, and which were not refused:
[where, what, answer].
"""

import json
import sys

import boto3
import botocore
import psycopg2
import requests

DATABASE, STORE, BUCKET = sys.argv[1:]
API = f"http://{STORE}:9000"
CONSOLE = f"http://{STORE}:9001"
report = {"tried": 0, "got_in": []}


def got_in(where, what, answer):
    report["got_in"].append([where, what, str(answer)[:200]])


def database():
    refusals = ("password authentication failed", "no password supplied", "no pg_hba.conf entry", "pg_hba.conf rejects",
                "does not support SSL")
    for user in ("postgres", "mlflow", "root", "replication"):
        for password in ("", "postgres", "mlflow", "password", "x" * 4000):
            for more in ({}, {"dbname": "postgres"}, {"sslmode": "require"}, {"replication": "true"}):
                what = f"user {user!r}, password {password[:10]!r}, {more}"
                report["tried"] += 1
                options = {"dbname": "mlflow", **more}
                try:
                    psycopg2.connect(host=DATABASE, user=user, password=password, connect_timeout=10, **options).close()
                except psycopg2.Error as error:
                    if not any(refusal in str(error) for refusal in refusals):
                        got_in("database", what, error)
                else:
                    got_in("database", what, "connected")


def anonymous():
    """(method, address) of every request that the store and its console might answer without a login."""
    for path in ("", "/", f"/{BUCKET}", f"/{BUCKET}/", f"/{BUCKET}?list-type=2", f"/{BUCKET}?policy", f"/{BUCKET}?acl",
                 f"/{BUCKET}?versions", f"/{BUCKET}?uploads", f"/{BUCKET}/artifacts/", f"/{BUCKET}/backups/",
                 f"/{BUCKET}/artifacts/x", f"/{BUCKET}/%2e%2e/{BUCKET}", f"//{BUCKET}",
                 f"/{BUCKET}/..%2f.minio.sys/config",
                 "/.minio.sys/config/config.json", "/minio/v2/metrics/cluster", "/minio/v2/metrics/node",
                 "/minio/metrics/v3", "/minio/admin/v3/info", "/minio/admin/v3/list-users", "/minio/admin/v3/config",
                 "/minio/admin/v3/list-canned-policies", "/minio/prometheus/metrics"):
        yield "GET", API + path
    for path in (f"/{BUCKET}/intruder", f"/{BUCKET}/artifacts/intruder", "/intruder", f"/{BUCKET}?policy"):
        yield "PUT", API + path
        yield "DELETE", API + path
    for path in ("/", f"/{BUCKET}", f"/{BUCKET}/x?uploads", f"/{BUCKET}?delete", "/minio/bootstrap/v1/verify",
                 "/?Action=AssumeRole&Version=2011-06-15", "/minio/admin/v3/add-user?accessKey=intruder",
                 "/?Action=AssumeRoleWithWebIdentity&Version=2011-06-15&WebIdentityToken=x",
                 "/?Action=AssumeRoleWithCertificate&Version=2011-06-15", "/minio/storage/data/v63/rall"):
        yield "POST", API + path
    for path in ("/api/v1/buckets", "/api/v1/session", "/api/v1/admin/info", "/api/v1/users",
                 f"/api/v1/buckets/{BUCKET}/objects", f"/api/v1/buckets/{BUCKET}/objects/download?prefix=x"):
        yield "GET", CONSOLE + path


def store():
    for method, address in anonymous():
        for headers in ({}, {"Authorization": "AWS minioadmin:x"}, {"Authorization": "Bearer x"}, {"Cookie": "token=x"},
                        {"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}, {"X-Minio-Internal": "true"},
                        {"X-Forwarded-For": "127.0.0.1", "Host": "localhost:9000"}):
            report["tried"] += 1
            body = b"x" if method in ("PUT", "POST") else None
            answer = requests.request(method, address, headers=headers, data=body, timeout=20, allow_redirects=False)
            # The console redirects a browser to its login page.
            redirected = answer.status_code in (301, 303, 307) and not answer.content.strip()
            refused = answer.status_code in (400, 401, 403, 404, 405, 411, 426, 501)
            in_words = any(words in answer.text for words in ("Access Denied", "STSNotInitialized"))
            if not (refused or redirected or in_words):
                got_in("store", f"{method} {address} {headers}", f"{answer.status_code} {answer.text}")
    for key, secret in (("minioadmin", "minioadmin"), ("minio-admin", "minio-admin"), ("minio-admin", "password"),
                        ("mlflow", "mlflow"), ("x", "x")):
        report["tried"] += 2
        client = boto3.client("s3", endpoint_url=API, aws_access_key_id=key, aws_secret_access_key=secret,
                              region_name="us-east-1")
        try:
            got_in("store", f"key {key}", client.list_objects_v2(Bucket=BUCKET))
        except botocore.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 403:
                got_in("store", f"key {key}", error)
        answer = requests.post(f"{CONSOLE}/api/v1/login", json={"accessKey": key, "secretKey": secret}, timeout=20)
        if answer.status_code not in (400, 401, 403):
            got_in("console", f"key {key}", f"{answer.status_code} {answer.text}")


database()
store()
print(json.dumps(report))
