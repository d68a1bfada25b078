import { CoveyError, type ModelSchema, type Tensor } from '@covey/protocol';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { openSamples, type SampleOptions, type SampleSet } from '../samples/index.ts';
import { readTensor } from '../tensors/read.ts';
import { namedValue, wholeNumber } from './command.ts';

type Image = NonNullable<SampleOptions['image']>;

/** What the options of `withSampleOptions` come to. */
export interface SampleArguments {
  samples?: string;
  count?: number;
  input?: Record<string, string>;
  carry?: Record<string, string>;
  imageMean?: Image['mean'];
  imageScale?: Image['scale'];
  imageSize?: Image['size'];
  imageFit?: Image['fit'];
  color?: Image['channels'];
  sampleRate?: number;
  window?: number;
  hop?: number;
  context?: number;
}

type Run = NonNullable<SampleOptions['carry']>['run'];

/** Adds the options that say what samples are. */
export function withSampleOptions(command: Command): Command {
  return command
    .option(
      '--samples <path>',
      'samples of the inputs: a file or folder of .npy, .npz, .json, raw, pictures or .wav',
    )
    .option('--count <samples>', 'at most so many of them, spread evenly', wholeNumber(2, 1_000_000))
    .option('--input <name=value>', 'an input that is always the same; may be repeated', namedValue)
    .option(
      '--carry <input=output>',
      'an input that is the output of the run before; may be repeated',
      namedValue,
    )
    .option(
      '--image-mean <numbers>',
      'taken from each pixel, such as 127 or 123.7,116.3,103.5 (default: 0)',
      channels,
    )
    .option('--image-scale <numbers>', 'each pixel is divided by, such as 128 (default: 255)', channels)
    .option('--image-size <WxH>', 'of pictures, where the model leaves it open', size)
    .addOption(
      new Option('--image-fit <how>', 'pictures of another shape').choices(['stretch', 'crop', 'letterbox']),
    )
    .addOption(new Option('--color <order>', 'of the channels').choices(['rgb', 'bgr']))
    .option('--sample-rate <hz>', 'of sound, after resampling', wholeNumber(1_000, 384_000))
    .option(
      '--window <samples>',
      'of sound, without the context, where the model leaves it open',
      wholeNumber(1, 2 ** 24),
    )
    .option('--hop <samples>', 'from one window of sound to the next', wholeNumber(1, 2 ** 24))
    .option(
      '--context <samples>',
      'of sound before each window, which the model takes with it',
      wholeNumber(0, 2 ** 24),
    );
}

/** Opens the samples; `run` is the model, for inputs that are carried. Errors: those of openSamples, INVALID_ARGUMENT. */
export function openSampleArguments(
  schema: ModelSchema,
  path: string,
  args: SampleArguments,
  about: { classNames: string[] | undefined; run: Run },
): Promise<SampleSet> {
  return openSamples(schema, {
    path,
    ...given('count', args.count),
    constants: constantsOf(schema, args.input ?? {}),
    ...given('classNames', about.classNames),
    image: {
      ...given('mean', args.imageMean),
      ...given('scale', args.imageScale),
      ...given('size', args.imageSize),
      ...given('fit', args.imageFit),
      ...given('channels', args.color),
    },
    audio: {
      ...given('sampleRateHz', args.sampleRate),
      ...given('windowSamples', args.window),
      ...given('hopSamples', args.hop),
      ...given('contextSamples', args.context),
    },
    ...(args.carry && { carry: { outputs: args.carry, run: about.run } }),
  });
}

/** The field where it has a value: what the user left open stays open. */
function given<Name extends string, Value>(name: Name, value: Value | undefined): { [key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [key in Name]: Value });
}

function constantsOf(schema: ModelSchema, texts: Record<string, string>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => {
      const spec = schema.inputs.find((input) => input.name === name);
      if (!spec)
        throw new CoveyError(
          'INVALID_ARGUMENT',
          `the model has no input ${name}; its inputs are ${schema.inputs.map((input) => input.name).join(', ')}`,
        );
      return [name, readTensor(spec, text)];
    }),
  );
}

/** For commander: one number, or three separated by commas. */
function channels(text: string): NonNullable<Image['mean']> {
  const [first = Number.NaN, ...others] = text
    .split(',')
    .map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const [second, third] = others;
  if (![first, ...others].every(Number.isFinite) || others.length === 1 || others.length > 2)
    throw new InvalidArgumentError('one number, or three separated by commas, are wanted');
  return second === undefined || third === undefined ? [first] : [first, second, third];
}

function size(text: string): NonNullable<Image['size']> {
  const match = /^(\d{1,5})x(\d{1,5})$/.exec(text);
  if (!match) throw new InvalidArgumentError('width and height such as 320x240 are wanted');
  return { width: Number(match[1]), height: Number(match[2]) };
}
