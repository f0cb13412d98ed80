import { platformApp, platforms } from './platforms';
import { Rendered, render } from './synth';
import { everything, objectsOf, plain } from '../../docs/generate/platforms';

/** The objects of each platform of the tests, and of each platform in docs/reference, by name. */
export const outputs: [string, Rendered[]][] = [
  ...(Object.keys(platforms) as (keyof typeof platforms)[]).map((name): [string, Rendered[]] => [
    name,
    platformApp(name).charts.flatMap(render),
  ]),
  ['documented, without an option', objectsOf(plain)],
  ['documented, with everything', objectsOf(everything)],
];
