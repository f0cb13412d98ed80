#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { version } from '../package.json';
import { diffCommand } from './diff/command';
import { doctorCommand } from './doctor/command';
import { imagesCommand } from './images';
import { initCommand } from './init';

const [FAILED, WRONG_USAGE] = [1, 2];

const program = new Command('cdk8s-mlflow')
  .description(
    'MLflow platforms as cdk8s constructs: create a project, list the images of synthesized YAML, or examine a running platform.',
  )
  .version(version, '-v, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .helpCommand(false)
  // Commander has already printed the help or the error. For wrong usage it would exit with 1.
  .exitOverride(({ exitCode }: CommanderError) => process.exit(exitCode === 0 ? 0 : WRONG_USAGE))
  .showHelpAfterError('(use --help for usage)');
for (const command of [initCommand(), imagesCommand(), doctorCommand(), diffCommand()]) {
  program.addCommand(command.copyInheritedSettings(program));
}

try {
  program.parse();
} catch (error) {
  console.error(`cdk8s-mlflow: ${(error as Error).message}`);
  process.exitCode = FAILED;
}
