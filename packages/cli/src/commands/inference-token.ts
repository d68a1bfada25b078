import { createHash, randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { systemClock, systemDisk } from '@covey/ports';
import {
  CoveyError,
  checkDocument,
  type InferenceCaller,
  InferenceTokensSchema,
  limits,
  localCaller,
  parseDocument,
} from '@covey/protocol';
import { Command, InvalidArgumentError } from 'commander';
import { createOutput } from '../terminal/output.ts';
import { durationOption, wholeNumber } from './command.ts';

const tokenBytes = 32;

interface CreateOptions {
  tokens: string;
  name: string;
  model?: string[];
  admin: boolean;
  rate?: number;
  burst?: number;
  concurrency?: number;
  perDay?: number;
  expires: number;
  replace: boolean;
  json: boolean;
}

/** `covey inference-token create`: on the device, for its tokens file; the controller has no part in it. */
export function inferenceTokenCommand(): Command {
  return new Command('inference-token')
    .description("tokens of a device's inference API, for callers on other machines")
    .addCommand(createCommand());
}

function createCommand(): Command {
  return new Command('create')
    .description('a token for one caller; it is shown once, the file keeps its hash')
    .requiredOption('--tokens <file>', 'the tokens file of `covey agent --tokens`; made where there is none')
    .requiredOption('--name <name>', 'of the caller, in logs and counts')
    .option('--model <name>', 'a model that it may use; may be repeated; default: all', collected)
    .option('--admin', 'it may load and unload models', false)
    .option('--rate <count>', 'requests a second, such as 10 or 0.5', positive)
    .option(
      '--burst <count>',
      'requests at once after a rest; default: those of a second',
      wholeNumber(1, 1_000_000),
    )
    .option('--concurrency <count>', 'requests at a time; default: 16', wholeNumber(1, 10_000))
    .option('--per-day <count>', 'requests a day, UTC', wholeNumber(1, 1_000_000_000))
    .addOption(durationOption('--expires <duration>', 'how long it is valid', '365d'))
    .option('--replace', 'a new token for a caller that has one; its entry is written anew', false)
    .option('--json', 'print JSON', false)
    .action(create);
}

async function create(options: CreateOptions): Promise<void> {
  const { name, replace } = options;
  if (name === localCaller) {
    throw new CoveyError(
      'INVALID_ARGUMENT',
      `${localCaller} is for programs on the device, which need no token`,
    );
  }
  const path = resolve(options.tokens);
  const bytes = await systemDisk.read(path);
  const callers = bytes ? parseDocument(InferenceTokensSchema, bytes, path, limits.inferenceTokensBytes) : [];
  if (!replace && callers.some((caller) => caller.name === name)) {
    throw new CoveyError('CONFLICT', `${name} has a token: give it a new one with --replace`);
  }
  const token = `covey-${randomBytes(tokenBytes).toString('base64url')}`;
  const others = callers.filter((caller) => caller.name !== name);
  const written = checkDocument(InferenceTokensSchema, [...others, entryOf(options, token)], 'the caller');
  await systemDisk.write(path, Buffer.from(`${JSON.stringify(written, undefined, 2)}\n`));
  createOutput(options.json).result({ name, token }, token);
}

function entryOf(options: CreateOptions, token: string): InferenceCaller {
  const { name, model, admin, rate, burst, concurrency, perDay, expires } = options;
  return {
    name,
    sha256: createHash('sha256').update(token).digest('hex'),
    ...(model && { models: model }),
    ...(admin && { admin }),
    ...(rate !== undefined && { requestsPerSecond: rate }),
    ...(burst !== undefined && { burst }),
    ...(concurrency !== undefined && { concurrency }),
    ...(perDay !== undefined && { requestsPerDay: perDay }),
    expiresAt: new Date(systemClock.now() + expires).toISOString(),
  };
}

function collected(text: string, previous: string[] = []): string[] {
  return [...previous, text];
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value >= 1e-3 && value <= 1_000_000))
    throw new InvalidArgumentError('a number from 0.001 to 1000000 is wanted');
  return value;
}
