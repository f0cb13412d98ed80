from cdk8s import App, Chart, Duration, Size
from cdk8s_mlflow import (
    Authentication,
    Autoscaling,
    BackupEncryption,
    BackupOptions,
    BackupRetention,
    BackupTarget,
    Credentials,
    Exposure,
    GarbageCollectionOptions,
    MetricsMonitor,
    MinioStoreProps,
    MlflowPlatform,
    PlacementOptions,
    PostgresStatefulSetProps,
    RestrictedNamespace,
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
    # Four drives: MinIO still accepts writes after the loss of one. The number cannot be changed later.
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
        # The server accepts artifacts of up to nine tenths of this size.
        spool=Size.gibibytes(50),
        drain_timeout=Duration.seconds(300),
        keys=Credentials.from_secret("mlflow-keys"),
    ),
    # A bucket in another account, so that it is not lost together with the platform.
    backup=BackupOptions(
        schedule="0 2 * * *",
        target=BackupTarget.bucket(
            bucket="example-mlflow-backups",
            region="eu-west-1",
            credentials=Credentials.from_secret("mlflow-backup-target"),
        ),
        retention=BackupRetention(daily=7, weekly=4, monthly=12),
        encryption=BackupEncryption(secret_name="mlflow-backup-key"),
    ),
    # Removes deleted runs after a month. The backups of that month still contain them.
    garbage_collection=GarbageCollectionOptions(schedule="0 4 * * 6", older_than=Duration.days(30)),
    pods=PlacementOptions(priority_class_name="platform", pod_labels={"team": "ml-platform"}),
)

# Objects that need the Prometheus Operator are in a separate file.
monitoring = Chart(app, "mlflow-monitoring", namespace=namespace)
MetricsMonitor(
    monitoring,
    "mlflow-metrics",
    target=mlflow.server,
    labels={"release": "kube-prometheus-stack"},
)

app.synth()
