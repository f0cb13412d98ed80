/** Where MLflow listens on the pod's loopback. */
export const MLFLOW_PORT = 5000;
