"""Makes the bucket `models` at both stand-ins, with the client libraries that MLflow uses. Reads their usual variables."""

from azure.storage.blob import BlobServiceClient
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
import os

storage.Client(project="test", credentials=AnonymousCredentials()).create_bucket("models")
BlobServiceClient.from_connection_string(os.environ["AZURE_STORAGE_CONNECTION_STRING"]).create_container("models")
