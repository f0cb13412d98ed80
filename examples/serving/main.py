from cdk8s import App, Chart
from cdk8s_mlflow import Autoscaling, Exposure, MlflowPlatform, RegisteredModel, RestrictedNamespace, Tls, WarmUp

app = App()
chart = Chart(app, "mlflow", namespace="mlflow")
RestrictedNamespace(chart, "namespace")
mlflow = MlflowPlatform(chart, "mlflow")

# The servings have their own namespace and file. Move the alias `champion` to roll out the next version.
serving = Chart(app, "ml-serving", namespace="ml-serving")
RestrictedNamespace(serving, "namespace")
mlflow.add_model_serving(
    "churn-prediction-model",
    chart=serving,
    model=RegisteredModel.by_alias("churn-prediction-model", "champion"),
    # A new version must answer this request before it gets any other.
    warm_up=WarmUp.request('{"inputs": [[0.1, 0.2, 0.3, 0.4]]}'),
    autoscaling=Autoscaling(min_replicas=2, max_replicas=6),
    # Clients outside the cluster log in as users of the tracking server. Pods of the namespace need no login.
    exposure=Exposure.ingress(host="churn.example.com", tls=Tls.from_issuer("letsencrypt-prod")),
)

app.synth()
