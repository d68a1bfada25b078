import { commands } from './commands/index.ts';
import { createProgram, runProgram } from './program.ts';

const words = process.argv.slice(2);
await runProgram(
  createProgram(
    'Runs quantized ONNX models on fleets of edge devices and keeps them right',
    await Promise.all(neededFor(words[0] ?? '').map((load) => load())),
  ),
  words,
);

/** The version is said without any command; without a name that is known, all are listed, or the nearest is suggested. */
function neededFor(first: string) {
  if (first === '--version' || first === '-V') return [];
  const named = commands.get(first);
  return named ? [named] : [...commands.values()];
}
