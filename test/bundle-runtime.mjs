// The constructs read the bundled runtime programs, so jest bundles them before its first test.
export { bundle as default } from '../runtime/bundle.mjs';
