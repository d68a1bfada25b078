import { CoveyError, toCoveyError } from '@covey/protocol';
import { Command, CommanderError } from 'commander';
import { exitCodes } from './terminal/exit-codes.ts';
import { writeError } from './terminal/output.ts';
import { coveyVersion } from './version.ts';

/** Runs a program to its end: sets the exit code, prints errors in the user's words. */
export async function runProgram(program: Command, argv: string[]): Promise<void> {
  const json = argv.includes('--json');
  // Somebody who reads only the first lines (`| head`) ends us quietly.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.ok);
    throw error;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    process.exitCode = fail(error, json);
  }
}

function fail(error: unknown, json: boolean): number {
  // Commander has printed its own words by now; help and version end with code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  const known = error instanceof CoveyError ? error : toCoveyError(error);
  writeError(known, json);
  return known.code === 'INVALID_ARGUMENT' ? exitCodes.usage : exitCodes.failed;
}

/** A `covey` program with these commands. */
export function createProgram(description: string, commands: Command[]): Command {
  const program = new Command('covey')
    .description(description)
    .version(coveyVersion, '-V, --version')
    .showHelpAfterError('(covey --help shows what there is)')
    .enablePositionalOptions();
  for (const command of commands) program.addCommand(command);
  applyToAll(program, (command) => command.exitOverride());
  return program;
}

function applyToAll(command: Command, change: (command: Command) => void): void {
  change(command);
  for (const inner of command.commands) applyToAll(inner, change);
}
