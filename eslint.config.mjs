import typescript from '@typescript-eslint/eslint-plugin';
import typescriptParser from '@typescript-eslint/parser';
import importPlugin from 'eslint-plugin-import';
import prettier from 'eslint-plugin-prettier/recommended';
import { readdirSync } from 'node:fs';

/**
 * The folders of lib/, from the lowest to the highest. A file imports from its own folder and from lower ones, so that a
 * part can be read without those that use it.
 */
const LAYERS = [
  ['inputs'],
  ['kubernetes'],
  ['component'],
  ['credentials', 'exposure', 'nginx'],
  ['artifacts'],
  // A database archives into a bucket.
  ['database'],
  ['tracking'],
  ['serving', 'operations'],
  ['monitoring'],
];

const folders = readdirSync(new URL('lib', import.meta.url), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
const forgotten = folders.filter((name) => !LAYERS.flat().includes(name));
if (forgotten.length > 0) throw new Error(`lib/: ${forgotten} has no place in LAYERS of eslint.config.mjs`);

/** Of each folder of lib/: whatever is neither itself nor below it. */
const upwards = LAYERS.flatMap((layer, height) =>
  layer.map((folder) => ({
    target: `./lib/${folder}`,
    from: [
      ...LAYERS.slice(height)
        .flat()
        .filter((other) => other !== folder)
        .map((other) => `./lib/${other}`),
      ...['./lib/index.ts', './lib/mlflow-platform.ts'],
      // Images are MLflow's, which plain Kubernetes JSON knows nothing of.
      ...(height < 2 ? ['./lib/images.ts'] : []),
    ],
    message: 'lib/ imports from lower folders only: see LAYERS in eslint.config.mjs.',
  })),
);

const outside = ['test', 'e2e', 'cli', 'bench', 'docs', 'examples'].map((folder) => `./${folder}`);

export default [
  {
    ignores: ['build/', 'imports/', 'node_modules/', '**/dist/', 'coverage/', 'e2e/output/', 'e2e/.venv/', '**/*.d.ts'],
  },
  { ...prettier, files: ['**/*.ts'] },
  {
    files: ['**/*.ts'],
    languageOptions: {
      parser: typescriptParser,
      parserOptions: {
        projectService: { allowDefaultProject: ['.projenrc.ts'], defaultProject: './tsconfig.json' },
      },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { '@typescript-eslint': typescript, import: importPlugin },
    settings: {
      ...importPlugin.flatConfigs.typescript.settings,
      'import/parsers': { '@typescript-eslint/parser': ['.ts', '.tsx'] },
      'import/resolver': { node: {}, typescript: { project: './tsconfig.json', alwaysTryTypes: true } },
    },
    rules: {
      '@typescript-eslint/member-ordering': [
        'error',
        {
          default: [
            ...['public-static-field', 'public-static-method', 'protected-static-field', 'protected-static-method'],
            ...['private-static-field', 'private-static-method', 'field', 'constructor', 'method'],
          ],
        },
      ],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-require-imports': 'error',
      '@typescript-eslint/no-shadow': 'error',
      '@typescript-eslint/return-await': 'error',
      curly: ['error', 'multi-line', 'consistent'],
      'dot-notation': 'error',
      'import/no-duplicates': 'error',
      'import/no-extraneous-dependencies': [
        'error',
        {
          devDependencies: ['{test,cli,runtime,e2e,bench,examples,docs}/**', '.projenrc.ts'],
          optionalDependencies: false,
          peerDependencies: true,
        },
      ],
      'import/no-restricted-paths': [
        'error',
        {
          zones: [
            ...upwards,
            { target: './lib', from: outside, message: 'lib/ is what is published: it imports nothing of these.' },
            {
              target: './runtime',
              from: ['./lib', ...outside],
              message: 'A program of runtime/ is bundled by itself.',
            },
          ],
        },
      ],
      'import/no-unresolved': 'error',
      'import/order': [
        'error',
        { groups: ['builtin', 'external'], alphabetize: { order: 'asc', caseInsensitive: true } },
      ],
      'no-bitwise': 'error',
    },
  },
  {
    files: ['{lib,runtime,cli}/**/*.ts'],
    rules: { 'import/no-cycle': ['error', { ignoreExternal: true }] },
  },
];
