// In place of node-fetch (cli/bundle.mjs), which only the generated clients of @kubernetes/client-node call: `doctor` does
// not use those. node-fetch would be a third of the command.
export const { Headers } = globalThis;
export default globalThis.fetch;
// The client exports them further; native fetch throws a TypeError or a DOMException.
export class AbortError extends Error {}
export class FetchError extends Error {}
