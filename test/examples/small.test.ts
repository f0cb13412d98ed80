import { expectExample } from './example';

expectExample('small', { files: ['mlflow.k8s.yaml'], meant: [] });
