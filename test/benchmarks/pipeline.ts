import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadedModel, Route, RuntimeToAgent, ServingPlan } from '@covey/protocol';
import { preprocessImage } from '@covey/runtime';
import { facePipeline, facesIn, photographForm } from '../journeys/faces.ts';
import { openConnection } from './connection.ts';
import { type Device, startDevice } from './device.ts';
import type { Figure, Result } from './figures.ts';
import { faceDetector, inferenceRequest, loadedModel, variedInputs } from './models.ts';
import { ratioOf, spreadOf } from './statistics.ts';

const photographPath = join(
  import.meta.dirname,
  '..',
  '..',
  '..',
  'shared',
  'data',
  'images',
  'faces-13.jpg',
);
const contestants = ['client', 'pipeline', 'plain', 'shadowed', 'tenth'] as const;
type Name = (typeof contestants)[number];

const warmRounds = 2;
const rounds = 30;
/** In a row of one contestant: the shadow computes for a tenth of the time, which a short row would not show. */
const runsPerRound: Record<Name, number> = { client: 5, pipeline: 5, plain: 25, shadowed: 25, tenth: 25 };
const longestMs = 90_000;
/** What a shadow still has in hand is done before another contestant begins. */
const restMs = 80;

/** The steps around a model on the device against the same steps in the client, and what a shadow costs who is answered. */
export async function benchmarkPipeline(): Promise<Result> {
  const absent = [faceDetector.path, photographPath].find((path) => !existsSync(path));
  if (absent) return { benchmark: 'pipeline', skipped: `there is no ${absent}` };
  const stack = new AsyncDisposableStack();
  try {
    return { benchmark: 'pipeline', figures: figuresOf(await race(await prepare(stack))) };
  } finally {
    await stack.disposeAsync();
  }
}

async function prepare(stack: AsyncDisposableStack): Promise<Record<Name, () => Promise<void>>> {
  const { path, schema } = faceDetector;
  const plain = loadedModel('plain', path, schema);
  const device = await startDevice(import.meta.resolve('@covey/runtime/process'), plain);
  stack.defer(() => device.program.stop());
  const withPipeline = { ...loadedModel('pipeline', path, schema), pipeline: facePipeline };
  const [shadowed, tenth] = [shadowedModel('shadowed', 1), shadowedModel('tenth', 0.1)];
  await apply(device, {
    plan: 2,
    models: [plain, withPipeline, ...shadowed.models, ...tenth.models],
    routes: [shadowed.route, tenth.route],
  });
  const connection = await openConnection(device.url);
  stack.defer(async () => connection.close());
  const photograph = readFileSync(photographPath);
  const element = Buffer.concat([Buffer.from(Uint32Array.of(photograph.byteLength).buffer), photograph]);
  const encoded = { datatype: 'BYTES' as const, shape: [1], data: element };
  const asked = (model: string) => {
    const requests = variedInputs(schema, 4).map((inputs) => inferenceRequest(model, inputs));
    let next = 0;
    return async () => {
      await connection.exchange(requests[next++ % requests.length] ?? Buffer.alloc(0));
    };
  };
  return {
    client: async () => {
      const input = await preprocessImage(photograph, photographForm);
      const body = await connection.exchange(inferenceRequest('plain', { input }));
      const [boxes, scores] = [floatsAtEnd(body, 0, 4420 * 4), floatsAtEnd(body, 4420 * 4, 4420 * 2)];
      requireFaces(facesIn(scores, boxes).length);
    },
    pipeline: async () => {
      const body = await connection.exchange(inferenceRequest('pipeline', { photograph: encoded }));
      requireFaces(Number(/"shape":\[(\d+),4\]/.exec(body.toString('latin1'))?.[1]));
    },
    plain: asked('plain'),
    shadowed: asked('shadowed'),
    tenth: asked('tenth'),
  };
}

/** The detector as its own shadow. */
function shadowedModel(name: string, share: number): { models: LoadedModel[]; route: Route } {
  const { path, schema } = faceDetector;
  const first = loadedModel(name, path, schema);
  const ref = { ...first.ref, version: '1.1.0', number: 2, bundle: '1'.repeat(64) };
  return {
    models: [first, { ...first, ref }],
    route: { model: name, version: first.ref.version, shadow: { version: ref.version, share } },
  };
}

async function apply({ program }: Device, plan: ServingPlan): Promise<void> {
  const application = program.hear(({ type }: RuntimeToAgent) => type === 'applied');
  program.child.send({ type: 'apply', plan });
  const applied = await application;
  if (applied.type !== 'applied' || applied.error) throw new Error(JSON.stringify(applied));
}

/** `count` floats that end `skipped` floats before the end. */
function floatsAtEnd(body: Buffer, skipped: number, count: number): Float32Array {
  const end = body.byteLength - 4 * skipped;
  return new Float32Array(new Uint8Array(body.subarray(end - 4 * count, end)).buffer);
}

function requireFaces(count: number): void {
  if (count !== 2) throw new Error(`two people are on the photograph, not ${count}`);
}

/** Means of every round, by contestant. Each round starts with another one. */
async function race(running: Record<Name, () => Promise<void>>): Promise<Record<Name, number[]>> {
  const means: Record<Name, number[]> = { client: [], pipeline: [], plain: [], shadowed: [], tenth: [] };
  const untilMs = performance.now() + longestMs;
  for (let round = -warmRounds; round < rounds && performance.now() < untilMs; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const name = contestants[(turn + warmRounds + round) % contestants.length] ?? 'plain';
      const latenciesMs: number[] = [];
      for (let run = 0; run < runsPerRound[name]; run++) {
        const startedMs = performance.now();
        await running[name]();
        latenciesMs.push(performance.now() - startedMs);
      }
      // Means: a shadow that delays few requests much shall not hide behind a median.
      const sumMs = latenciesMs.reduce((sum, latencyMs) => sum + latencyMs, 0);
      if (round >= 0) means[name].push(sumMs / latenciesMs.length);
      await new Promise((resolve) => setTimeout(resolve, restMs));
    }
  }
  return means;
}

function figuresOf({ client, pipeline, plain, shadowed, tenth }: Record<Name, number[]>): Figure[] {
  const beside = (name: string, values: number[], baseline: number[], what: string): Figure => ({
    name,
    value: spreadOf(values),
    unit: 'ms',
    baseline: { name: what, ratio: ratioOf(values, baseline) },
  });
  return [
    { name: 'JPEG to faces, steps in the client', value: spreadOf(client), unit: 'ms' },
    beside('JPEG to faces, pipeline on the device', pipeline, client, 'steps in the client'),
    { name: 'detector', value: spreadOf(plain), unit: 'ms' },
    beside('detector with a shadow', shadowed, plain, 'detector'),
    beside('detector with a shadow of a tenth', tenth, plain, 'detector'),
  ];
}
