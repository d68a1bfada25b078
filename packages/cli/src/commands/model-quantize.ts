import { totalmem } from 'node:os';
import { basename, extname } from 'node:path';
import { assertModel, modelSchema, type Sample } from '@covey/onnx';
import { systemClock } from '@covey/ports';
import { type Classification, CoveyError, type ModelSchema } from '@covey/protocol';
import { createExecution } from '@covey/runtime';
import { Command, Option } from 'commander';
import { classificationOf } from '../publish/classification.ts';
import { readWholeModel } from '../publish/model-file.ts';
import { criteria, type Limits, parseLimits, usualLimits } from '../quantize/budget.ts';
import { claimFolder } from '../quantize/claim.ts';
import type { DigestedModel, Job } from '../quantize/job.ts';
import { requireMemory } from '../quantize/memory.ts';
import { writeOutput } from '../quantize/output-folder.ts';
import { edit } from '../quantize/prepare.ts';
import { type Quantized, quantizeModel } from '../quantize/quantize.ts';
import { reportOf } from '../quantize/report.ts';
import { formatReport } from '../quantize/table.ts';
import {
  type CalibrationMethod,
  calibrationMethods,
  parseForms,
  type VariantForm,
  variantForms,
} from '../quantize/variants.ts';
import { type SampleSet, split } from '../samples/index.ts';
import { exitCodes } from '../terminal/exit-codes.ts';
import { createOutput, type Output } from '../terminal/output.ts';
import { namedValue, percentageOption, threadsOption } from './command.ts';
import { openSampleArguments, type SampleArguments, withSampleOptions } from './sample-options.ts';

interface QuantizeOptions extends SampleArguments {
  samples: string;
  out?: string;
  budget?: Record<string, string>;
  variants: string;
  method?: CalibrationMethod;
  heldOut: number;
  threads: number;
  classes?: string;
  classOutput?: string;
  json: boolean;
}

/** `covey model quantize FILE` */
export function quantizeCommand(): Command {
  const command = withSampleOptions(new Command('quantize'))
    .description(
      'make smaller and faster variants of an ONNX file, each measured here and within a budget of error',
    )
    .argument('<file.onnx>', 'the model in fp32')
    .option('--out <folder>', 'where the variants go; default: the name of the file with -quantized')
    .option(
      '--budget <criterion=limit>',
      `what may be lost: ${criteria.join(', ')}; may be repeated (default: relative-error=${usualLimits['relative-error']})`,
      namedValue,
    )
    .option('--variants <names>', 'separated by commas', variantForms.join(','))
    .addOption(
      new Option('--method <name>', 'how ranges are found; default: whichever keeps the budget').choices(
        calibrationMethods,
      ),
    )
    .addOption(percentageOption('--held-out <share>', 'of the samples, to judge by', '25%'))
    .addOption(threadsOption())
    .option('--classes <names>', 'class names in order, separated by commas')
    .option('--class-output <name>', 'the output that holds a score per class; default: the first')
    .option('--json', 'print JSON', false)
    .action(quantize);
  const samples = command.options.find(({ long }) => long === '--samples');
  samples?.makeOptionMandatory();
  return command;
}

async function quantize(file: string, options: QuantizeOptions): Promise<void> {
  const output = createOutput(options.json);
  const limits = options.budget ? parseLimits(options.budget) : usualLimits;
  const forms = parseForms(options.variants);
  requireShare(options.heldOut);
  const folder = options.out ?? `${basename(file, extname(file))}-quantized`;
  const { model, bytes } = readWholeModel(file);
  assertModel(model);
  // Loading computes what depends on constants alone.
  requireMemory(model, totalmem());
  const claim = claimFolder(folder);
  const { work } = claim;
  const execution = createExecution({ threads: options.threads });
  const job: Job = { work, execution, threads: options.threads, say: throttled(output) };
  const resumable = `what was done is in ${claim.workPath}; the same command goes on where it was`;
  // What was done is kept at once, so there is nothing to tidy up.
  const onStop = (signal: 'SIGINT' | 'SIGTERM') => {
    process.stderr.write(`\ninterrupted; ${resumable}\n`);
    process.exit(signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated);
  };
  process.on('SIGINT', onStop).on('SIGTERM', onStop);
  try {
    const original = { model, digest: work.keep(bytes), sizeBytes: bytes.byteLength };
    const quantized = await run(job, original, options, { limits, forms, output });
    const report = reportOf(quantized, options.threads, new Date(systemClock.now()).toISOString());
    writeOutput(folder, work, quantized, report);
    claim.finish();
    const variants = report.variants.filter(({ verdict }) => verdict === 'kept').map(({ name }) => name);
    output.result({ folder, variants, report }, () => tell(folder, formatReport(report, output), variants));
    if (variants.every((name) => name === 'fp32')) process.exitCode = exitCodes.failed;
  } catch (error) {
    if (claim.abandon().isKept) output.progress(resumable);
    throw error;
  } finally {
    process.removeListener('SIGINT', onStop).removeListener('SIGTERM', onStop);
    execution.close();
    claim.release();
  }
}

async function run(
  job: Job,
  original: DigestedModel,
  options: QuantizeOptions,
  { limits, forms, output }: { limits: Limits; forms: VariantForm[]; output: Output },
): Promise<Quantized> {
  const edited = await edit(job, original);
  const schema = modelSchema(edited.model);
  const named = classificationOf(options, schema);
  const loaded = await job.execution.load(job.work.bytes(edited.digest));
  try {
    const about = { classNames: named?.classNames, run: loaded.run };
    const samples = await openSampleArguments(schema, options.samples, options, about);
    // Pictures read otherwise than the model was trained on are the likeliest mistake: said before hours are spent.
    output.progress(`samples: ${samples.describe}`);
    requireMemory(edited.model, totalmem(), await firstOf(samples));
    const parts = { describe: samples.describe, ...split(samples, options.heldOut) };
    const classification = named ?? labelledClasses(schema, samples.classNames);
    return await quantizeModel(job, original, edited, parts, {
      forms,
      method: options.method,
      limits,
      classification,
    });
  } finally {
    await loaded.release();
  }
}

/** Errors: INVALID_ARGUMENT where one of the two parts of the samples would be empty. */
function requireShare(heldOut: number): void {
  if (heldOut <= 0 || heldOut >= 1)
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `--held-out ${100 * heldOut}%: some samples must be held out and some must be left, such as 25%`,
    );
}

async function firstOf(samples: SampleSet): Promise<Sample | undefined> {
  for await (const sample of samples.samples()) return sample;
  return undefined;
}

/** Folders named after classes say what the first output means, where it has a score for each. */
function labelledClasses(schema: ModelSchema, classNames: string[] | undefined): Classification | undefined {
  const [output] = schema.outputs;
  return output && classNames && classNames.length >= 2 && output.shape.at(-1) === classNames.length
    ? { output: output.name, classNames }
    : undefined;
}

function tell(folder: string, report: string, variants: string[]): string {
  const next =
    variants.length > 1
      ? `publish it with: covey model push ${folder} --version 1.0.0`
      : 'no quantized variant is within the budget; the edited fp32 model is in the folder all the same';
  return `${report}\n${folder}: ${variants.join(', ')}\n${next}`;
}

const progressIntervalMs = 500;

/** A search tells of hundreds of steps; people read two a second. */
function throttled({ progress }: Output): (text: string) => void {
  let lastMs = Number.NEGATIVE_INFINITY;
  return (text) => {
    const nowMs = performance.now();
    if (nowMs - lastMs < progressIntervalMs) return;
    lastMs = nowMs;
    progress(text);
  };
}
