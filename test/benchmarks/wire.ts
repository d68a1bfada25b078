import { decodeTelemetry, encodeTelemetry } from '@covey/protocol/telemetry';
import type { Figure, Result } from './figures.ts';
import { type Message, telemetryMessages } from './messages.ts';
import { median, ratioOf, type Spread, spreadOf } from './statistics.ts';

const rounds = 30;
const warmRounds = 10;
const runsPerRound = 200;

/** What a telemetry message costs on the wire, against the same content as JSON text. */
export async function benchmarkWire(): Promise<Result> {
  const figures: Figure[] = [];
  for (const [kind, message] of Object.entries(telemetryMessages())) {
    figures.push(...(await measure(kind, message)));
  }
  return { benchmark: 'wire', figures };
}

async function measure(kind: string, message: Message): Promise<Figure[]> {
  const frame = await encodeTelemetry(message);
  const text = jsonOf(message);
  const plain: unknown = JSON.parse(text);
  const copy = Buffer.alloc(frame.byteLength);
  const timesUs = await race({
    encode: () => encodeTelemetry(message),
    decode: () => decodeTelemetry(frame),
    stringify: async () => Buffer.from(JSON.stringify(plain)),
    parse: async () => JSON.parse(text) as unknown,
    copy: async () => copy.set(frame),
  });
  const floor = { name: 'one copy of the frame', value: median(timesUs.copy) };
  return [
    {
      name: `${kind}: size`,
      value: always(frame.byteLength),
      unit: 'bytes',
      baseline: { name: 'JSON text', ratio: always(frame.byteLength / Buffer.byteLength(text)) },
    },
    {
      name: `${kind}: encode`,
      value: spreadOf(timesUs.encode),
      unit: 'us',
      baseline: { name: 'JSON.stringify', ratio: ratioOf(timesUs.encode, timesUs.stringify) },
      floor,
    },
    {
      name: `${kind}: decode and check`,
      value: spreadOf(timesUs.decode),
      unit: 'us',
      baseline: { name: 'JSON.parse', ratio: ratioOf(timesUs.decode, timesUs.parse) },
      floor,
    },
  ];
}

type Name = 'encode' | 'decode' | 'stringify' | 'parse' | 'copy';

/** Microseconds per run, one value a round; all take turns in every round. */
async function race(contestants: Record<Name, () => Promise<unknown>>): Promise<Record<Name, number[]>> {
  const timesUs: Record<Name, number[]> = { encode: [], decode: [], stringify: [], parse: [], copy: [] };
  for (let round = -warmRounds; round < rounds; round++) {
    for (const [name, run] of Object.entries(contestants) as [Name, () => Promise<unknown>][]) {
      const startedMs = performance.now();
      for (let i = 0; i < runsPerRound; i++) await run();
      const elapsedMs = performance.now() - startedMs;
      if (round >= 0) timesUs[name].push((elapsedMs * 1_000) / runsPerRound);
    }
  }
  return timesUs;
}

/** The content alone: without the names of protobuf's types. */
function jsonOf(message: Message): string {
  return JSON.stringify(message, (key, value: unknown) => {
    if (key === '$typeName' || key === '$unknown') return undefined;
    return typeof value === 'bigint' ? String(value) : value;
  });
}

function always(value: number): Spread {
  return { p5: value, median: value, p95: value };
}
