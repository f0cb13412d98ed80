// A program that writes all platforms into the folder in its argument.
import { platformApp, platforms } from './platforms';

const [, , outdir] = process.argv;
for (const name of Object.keys(platforms) as (keyof typeof platforms)[]) platformApp(name, outdir).app.synth();
