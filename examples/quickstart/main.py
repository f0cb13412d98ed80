from cdk8s import App, Chart
from cdk8s_mlflow import MlflowPlatform, RestrictedNamespace

app = App()
chart = Chart(app, "mlflow", namespace="mlflow")
RestrictedNamespace(chart, "namespace")
MlflowPlatform(chart, "mlflow")
app.synth()
