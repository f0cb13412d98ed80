"""The same with an alias in place of a stage, and a prediction that can be compared."""

import mlflow
import mlflow.sklearn
from mlflow.tracking import MlflowClient
from sklearn.datasets import make_classification

client = MlflowClient()
model_name = "churn-prediction-model"

client.set_registered_model_alias(model_name, "champion", "1")
champion = client.get_model_version_by_alias(model_name, "champion")
print(f"Champion: version {champion.version}, {champion.status}, run {champion.run_id}")

model = mlflow.sklearn.load_model(f"models:/{model_name}@champion")
X, y = make_classification(
    n_samples=10000, n_features=20, n_informative=15, n_redundant=5, random_state=42
)
hits = float((model.predict(X) == y).mean())
print(f"Hits: {hits:.4f}")
assert hits > 0.9, f"the model that came back predicts {hits:.2%} right"
