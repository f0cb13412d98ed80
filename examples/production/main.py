from cdk8s import App, Chart, Size
from cdk8s_mlflow import (
    Authentication,
    Autoscaling,
    Credentials,
    Exposure,
    MinioStoreProps,
    MlflowPlatform,
    PlacementOptions,
    PostgresStatefulSetProps,
    RestrictedNamespace,
    ServerMonitor,
    Tls,
    TrackingServerOptions,
)
from cdk8s_plus_27 import ContainerResources, Cpu, CpuResources, MemoryResources

app = App()
namespace = "mlflow"
chart = Chart(app, "mlflow", namespace=namespace)
RestrictedNamespace(chart, "namespace")

mlflow = MlflowPlatform(
    chart,
    "mlflow",
    authentication=Authentication.basic(users=Credentials.from_secret("mlflow-people")),
    exposure=Exposure.ingress(
        host="mlflow.example.com",
        class_name="traefik",
        tls=Tls.from_issuer("letsencrypt-prod"),
    ),
    postgres=PostgresStatefulSetProps(
        storage=Size.gibibytes(200),
        storage_class_name="fast-ssd",
        superuser=Credentials.from_secret("mlflow-postgres-superuser"),
        credentials=Credentials.from_secret("mlflow-postgres-role"),
        tls_secret_name="mlflow-postgres-tls",
        resources=ContainerResources(
            cpu=CpuResources(request=Cpu.units(1), limit=Cpu.units(4)),
            memory=MemoryResources(request=Size.gibibytes(4), limit=Size.gibibytes(8)),
        ),
    ),
    # Four drives, of which one may be lost while MinIO goes on writing. The number is fixed when the store is made.
    minio=MinioStoreProps(
        replicas=4,
        storage=Size.gibibytes(500),
        storage_class_name="bulk",
        versioning=True,
        root_credentials=Credentials.from_secret("mlflow-minio-root"),
        credentials=Credentials.from_secret("mlflow-minio-key"),
    ),
    server=TrackingServerOptions(
        autoscaling=Autoscaling(min_replicas=3, max_replicas=12),
        # The largest artifact that passes is nine tenths of it.
        spool=Size.gibibytes(50),
        drain_seconds=300,
        keys=Credentials.from_secret("mlflow-keys"),
    ),
    pods=PlacementOptions(priority_class_name="platform", pod_labels={"team": "ml-platform"}),
)

# What needs the Prometheus Operator, in a file of its own.
monitoring = Chart(app, "mlflow-monitoring", namespace=namespace)
ServerMonitor(
    monitoring,
    "mlflow-metrics",
    server=mlflow.server,
    labels={"release": "kube-prometheus-stack"},
)

app.synth()
