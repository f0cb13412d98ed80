// An ES module, of which esbuild takes these two classes and what they need: a fourth of the whole client.
export { KubeConfig, PortForward } from '@kubernetes/client-node';
