#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { version } from '../package.json';
import { imagesCommand } from './images';
import { initCommand } from './init';

const [FAILED, WRONG_USAGE] = [1, 2];

const program = new Command('cdk8s-mlflow')
  .description('MLflow platforms as cdk8s constructs: starts a project, lists the images of a synthesized one.')
  .version(version, '-v, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .helpCommand(false)
  // Commander has printed help or what is wrong by then; it would end with 1 for wrong usage.
  .exitOverride(({ exitCode }: CommanderError) => process.exit(exitCode === 0 ? 0 : WRONG_USAGE))
  .showHelpAfterError('(--help says how)');
for (const command of [initCommand(), imagesCommand()]) program.addCommand(command.copyInheritedSettings(program));

try {
  program.parse();
} catch (error) {
  console.error(`cdk8s-mlflow: ${(error as Error).message}`);
  process.exitCode = FAILED;
}
