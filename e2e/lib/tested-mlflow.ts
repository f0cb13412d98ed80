// E2E_MLFLOW=3.17.2 runs the tests on that version of MLflow, instead of the library's default.
import { Images } from '../../lib';

const version = process.env.E2E_MLFLOW;
if (version) Object.assign(Images, { MLFLOW: `ghcr.io/mlflow/mlflow:v${version}-full` });
