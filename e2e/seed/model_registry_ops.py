"""What users do with the registry: look, describe, move by stage, load, predict.

The server, the user and the password come from the environment.
"""

import mlflow
import mlflow.sklearn
import numpy as np
from mlflow.tracking import MlflowClient

client = MlflowClient()

for model in client.search_registered_models():
    print(f"Model: {model.name}")
    print(f"  Latest version: {model.latest_versions}")

model_name = "churn-prediction-model"
model_version = 1

details = client.get_model_version(name=model_name, version=model_version)
print("Model Version Details:")
print(f"  Status: {details.status}")
print(f"  Stage: {details.current_stage}")
print(f"  Run ID: {details.run_id}")

client.transition_model_version_stage(name=model_name, version=model_version, stage="Staging")
print(f"Model version {model_version} moved to Staging")

client.update_model_version(
    name=model_name,
    version=model_version,
    description="Random Forest model with 100 estimators, trained on 10k samples",
)

client.transition_model_version_stage(
    name=model_name,
    version=model_version,
    stage="Production",
    archive_existing_versions=True,
)
print(f"Model version {model_version} moved to Production")

model = mlflow.sklearn.load_model(f"models:/{model_name}/Production")
predictions = model.predict(np.random.randn(5, 20))
print(f"Predictions: {predictions}")
