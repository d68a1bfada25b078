import { commands } from './commands/index.ts';
import { createProgram, runProgram } from './program.ts';

const words = process.argv.slice(2);
// Without a name that is known, all are listed, or the nearest is suggested.
const named = commands.get(words[0] ?? '');
await runProgram(
  createProgram(
    'Runs quantized ONNX models on fleets of edge devices and keeps them right',
    await Promise.all((named ? [named] : [...commands.values()]).map((load) => load())),
  ),
  words,
);
