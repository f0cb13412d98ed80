import { expectExample } from './example';

expectExample('serving', { files: ['mlflow.k8s.yaml', 'ml-serving.k8s.yaml'] });
