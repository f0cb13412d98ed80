import { TakenInPod } from '../component/extra-container-rules';

/** The scoring server. */
export const MODEL_PORT = 8080;
/** Its metrics. */
export const MODEL_METRICS_PORT = 9090;
/** nginx, which exists only with an exposure. */
export const LOGIN_PORT = 8081;

/** What containers of the user may not be called, and where they may not listen. */
export const TAKEN_IN_SERVING: TakenInPod = {
  containers: ['download-model', 'model-server', 'nginx'],
  portNames: ['http', 'login', 'metrics'],
  ports: [MODEL_PORT, LOGIN_PORT, MODEL_METRICS_PORT],
};
