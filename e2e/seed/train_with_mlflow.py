"""The training script that users start from: parameters, metrics, a figure, a model in the registry.

The server, the user and the password come from the environment (MLFLOW_TRACKING_URI, …_USERNAME, …_PASSWORD).
"""

import matplotlib

matplotlib.use("Agg")  # the pod has no screen

import matplotlib.pyplot as plt
import mlflow
import mlflow.sklearn
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score
from sklearn.model_selection import train_test_split

mlflow.set_experiment("customer-churn-prediction")

with mlflow.start_run(run_name="random-forest-v1") as run:
    n_estimators = 100
    max_depth = 10
    min_samples_split = 5
    mlflow.log_param("n_estimators", n_estimators)
    mlflow.log_param("max_depth", max_depth)
    mlflow.log_param("min_samples_split", min_samples_split)
    mlflow.log_param("random_state", 42)

    X, y = make_classification(
        n_samples=10000, n_features=20, n_informative=15, n_redundant=5, random_state=42
    )
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)
    model = RandomForestClassifier(
        n_estimators=n_estimators,
        max_depth=max_depth,
        min_samples_split=min_samples_split,
        random_state=42,
    )
    model.fit(X_train, y_train)
    y_pred = model.predict(X_test)

    accuracy = accuracy_score(y_test, y_pred)
    f1 = f1_score(y_test, y_pred)
    mlflow.log_metric("accuracy", accuracy)
    mlflow.log_metric("f1_score", f1)
    mlflow.log_metric("precision", precision_score(y_test, y_pred))
    mlflow.log_metric("recall", recall_score(y_test, y_pred))

    fig, ax = plt.subplots(figsize=(10, 6))
    ax.bar(range(len(model.feature_importances_)), model.feature_importances_)
    ax.set_xlabel("Feature Index")
    ax.set_ylabel("Importance")
    ax.set_title("Feature Importances")
    mlflow.log_figure(fig, "feature_importances.png")
    plt.close()

    mlflow.sklearn.log_model(
        model,
        name="model",
        registered_model_name="churn-prediction-model",
        # MLflow saves with skops, which has to be told to trust decision trees.
        skops_trusted_types=["sklearn.tree._tree.Tree"],
    )
    mlflow.log_dict(
        {
            "training_samples": len(X_train),
            "test_samples": len(X_test),
            "features": list(range(X.shape[1])),
        },
        "dataset_info.json",
    )
    print(f"Run ID: {run.info.run_id}")
    print(f"Accuracy: {accuracy:.4f}")
    print(f"F1 Score: {f1:.4f}")
