import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GraphBuilder } from '@covey/onnx';
import { writeModelFile } from '@covey/onnx/files';
import { temporaryFolder } from '../journeys/harness.ts';
import type { Figure, Result } from './figures.ts';
import type { FileAnswer, FileQuestion } from './model-file-process.ts';
import { startProgram } from './program.ts';
import { ratioOf, spreadOf } from './statistics.ts';

const rounds = 5;
const layers = 125;
const layerSize = 1_024;
const hows = ['read and write bytes', 'read and write model'] as const;
type How = (typeof hows)[number];

/** A model of 524 MB, read and written again, against the same bytes read and written as they are. */
export async function benchmarkModelFile(): Promise<Result> {
  const folder = temporaryFolder();
  const from = join(folder, 'large.onnx');
  try {
    writeLargeModel(from);
    const answers: Record<How, FileAnswer[]> = { 'read and write bytes': [], 'read and write model': [] };
    // The first round fills the page cache, and is not counted.
    for (let round = -1; round < rounds; round++)
      for (const how of hows) {
        const answer = await askNewProcess({ how, from, to: join(folder, 'again.onnx') });
        if (round >= 0) answers[how].push(answer);
      }
    const sizeMb = statSync(from).size / 1e6;
    return { benchmark: 'model-file', figures: figuresOf(answers, sizeMb) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function askNewProcess(question: FileQuestion): Promise<FileAnswer> {
  const program = startProgram(import.meta.resolve('./model-file-process.ts'));
  try {
    return await program.ask<FileAnswer>(question);
  } finally {
    await program.stop();
  }
}

function figuresOf(answers: Record<How, FileAnswer[]>, sizeMb: number): Figure[] {
  const model = answers['read and write model'];
  const bytes = answers['read and write bytes'];
  const times = (key: 'readMs' | 'writeMs', name: string): Figure[] => {
    const [ours, plain] = [model, bytes].map((all) => all.map((answer) => answer[key]));
    if (!ours || !plain) return [];
    const mbPerSecond = (values: number[]) => spreadOf(values.map((ms) => (sizeMb * 1_000) / ms));
    return [
      { name: `${name} the bytes`, value: mbPerSecond(plain), unit: 'MB/s' },
      {
        name: `${name} the model`,
        value: mbPerSecond(ours),
        unit: 'MB/s',
        baseline: { name: 'time for the bytes', ratio: ratioOf(ours, plain) },
      },
    ];
  };
  const peaks = model.map(({ peakMb }) => peakMb);
  return [
    ...times('readMs', 'read'),
    ...times('writeMs', 'write'),
    {
      name: 'peak memory',
      value: spreadOf(peaks),
      unit: 'MB',
      baseline: { name: 'size of the file', ratio: spreadOf(peaks.map((mb) => mb / sizeMb)), limit: 1.3 },
    },
  ];
}

function writeLargeModel(path: string): void {
  const graph = new GraphBuilder('large');
  let last = graph.input({ name: 'x', datatype: 'FP32', shape: [1, layerSize] });
  for (let layer = 0; layer < layers; layer++) {
    const data = new Uint8Array(layerSize * layerSize * 4).fill(layer + 1);
    graph.initializer(`w${layer}`, { datatype: 'FP32', shape: [layerSize, layerSize], data });
    last = graph.node('MatMul', [last, `w${layer}`], `y${layer}`);
  }
  graph.output({ name: last, datatype: 'FP32', shape: [1, layerSize] });
  writeModelFile(path, graph.build());
}
