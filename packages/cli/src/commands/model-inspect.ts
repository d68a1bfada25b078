import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { drawGraph, inspectModel } from '@covey/onnx';
import { CoveyError } from '@covey/protocol';
import { Command, InvalidArgumentError } from 'commander';
import { formatInspection } from '../inspect/report.ts';
import { readWholeModel } from '../publish/model-file.ts';
import { exitCodes } from '../terminal/exit-codes.ts';
import { createOutput } from '../terminal/output.ts';

interface InspectOptions {
  size?: Record<string, number>;
  svg?: string;
  json: boolean;
}

/** `covey model inspect FILE` */
export function inspectCommand(): Command {
  return new Command('inspect')
    .description('what an ONNX file is, takes and needs, without running it; exits 1 where it is unsound')
    .argument('<model.onnx>', 'the file')
    .option(
      '--size <dimension=count>',
      'what an open dimension is, such as batch=1; may be repeated',
      namedSize,
    )
    .option('--svg <file>', 'also draw the graph into this file')
    .option('--json', 'print JSON', false)
    .action(inspect);
}

function inspect(path: string, { size = {}, svg, json }: InspectOptions): void {
  const output = createOutput(json);
  const { model, bytes } = readWholeModel(path);
  const inspection = inspectModel(model, size);
  const isSound = inspection.findings.every(({ severity }) => severity !== 'error');
  output.result(inspection, () => formatInspection(inspection, bytes.byteLength, output));
  if (!isSound) process.exitCode = exitCodes.failed;
  if (svg === undefined) return;
  if (inspection.figures === undefined) {
    output.progress(`no graph in ${svg}: the types of its values contradict each other`);
    return;
  }
  writePicture(svg, drawGraph(model, { title: basename(path), sizes: size }));
  output.progress(`drew the graph into ${svg}`);
}

function writePicture(path: string, svg: string): void {
  try {
    writeFileSync(path, svg);
  } catch (cause) {
    throw new CoveyError('INVALID_ARGUMENT', `cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** For commander: collects repeated `dimension=count` options; the name may hold `=` itself. */
function namedSize(text: string, previous: Record<string, number> = {}): Record<string, number> {
  const separator = text.lastIndexOf('=');
  const count = Number(text.slice(separator + 1));
  if (separator < 1 || !/^\d+$/.test(text.slice(separator + 1)) || !Number.isSafeInteger(count))
    throw new InvalidArgumentError('dimension=count is wanted, such as batch=1');
  return { ...previous, [text.slice(0, separator)]: count };
}
