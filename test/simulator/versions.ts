import { type Bundle, buildBundle } from '@covey/bundle';
import {
  createKeyPair,
  firstUpload,
  listVersion,
  parseMetadata,
  pemSigner,
  type Signer,
} from '@covey/bundle/tuf';
import type { Domain } from '@covey/controller';
import { GraphBuilder, modelSchema, writeModel } from '@covey/onnx';
import { softwareName } from '@covey/protocol';

export const modelName = 'bearing';

/** The versions that the scenarios roll out; `agreement` is the share of inputs on which each decides as the one before; 0: it cannot run. */
export const versions = {
  first: { version: '1.0.0', agreement: 1 },
  good: { version: '1.1.0', agreement: 0.995 },
  bad: { version: '1.2.0', agreement: 0.6 },
  unfit: { version: '1.3.0', agreement: 0 },
} as const;
export type VersionName = keyof typeof versions;

/** Software of the agent that the scenarios roll out. */
export const softwareVersions = {
  fresh: { version: '0.2.0', conduct: 'works' },
  newer: { version: '0.3.0', conduct: 'works' },
  deaf: { version: '0.4.0', conduct: 'reaches nobody' },
  dead: { version: '0.5.0', conduct: 'does not start' },
} as const;
export type SoftwareVersionName = keyof typeof softwareVersions;
export const softwarePlatform = 'linux-x64';

const newSigner = () => pemSigner(createKeyPair('ed25519').privateKeyPem);

/** Keys of the publisher, and of the controller for what it signs by itself. */
export const keys = { root: newSigner(), targets: newSigner(), online: newSigner() };

export function makeBundles(): Record<VersionName, Bundle> {
  const bundleOf = (name: VersionName): Bundle => {
    const { version } = versions[name];
    const model = adder(Number(version.replaceAll('.', '')));
    return buildBundle({
      model: modelName,
      version,
      createdAt: '2026-01-01T00:00:00.000Z',
      securityCounter: 0,
      schema: modelSchema(model),
      variants: [
        {
          name: 'fp32',
          bytes: writeModel(model),
          tolerances: [{ kind: 'elements', absolute: 0, relative: 0 }],
        },
      ],
    });
  };
  return { first: bundleOf('first'), good: bundleOf('good'), bad: bundleOf('bad'), unfit: bundleOf('unfit') };
}

export function makeSoftware(): Record<SoftwareVersionName, Bundle> {
  const bundleOf = (name: SoftwareVersionName): Bundle =>
    buildBundle({
      model: softwareName(softwarePlatform),
      version: softwareVersions[name].version,
      createdAt: '2026-01-01T00:00:00.000Z',
      securityCounter: 0,
      schema: { inputs: [], outputs: [] },
      variants: [],
      software: Buffer.from(softwareVersions[name].conduct),
    });
  return {
    fresh: bundleOf('fresh'),
    newer: bundleOf('newer'),
    deaf: bundleOf('deaf'),
    dead: bundleOf('dead'),
  };
}

/** Publishes the root of trust; what comes back is what devices are enrolled with. */
export async function publishRoot({ trust }: Pick<Domain, 'trust'>, now: number): Promise<Uint8Array> {
  const one = (signer: Signer) => ({ signers: [signer], threshold: 1 });
  const offline = { root: one(keys.root), targets: one(keys.targets) };
  const upload = await firstUpload(offline, keys.online.key, now);
  await trust.publish(upload, { actor: 'admin', commit: async () => {} });
  return trust.root();
}

/** Signs a version and publishes it, as `covey model push` does. */
export async function publishVersion(
  { registry, trust }: Pick<Domain, 'registry' | 'trust'>,
  { manifest, manifestBytes, chunks }: Bundle,
  now: number,
): Promise<void> {
  for (const [sha256, bytes] of chunks) await registry.putChunk(sha256, bytes);
  const read = async <K extends 'root' | 'targets'>(kind: K, role: string) => {
    const bytes = await trust.newest(role);
    return bytes && parseMetadata(kind, bytes).signed;
  };
  const [root, targets] = [await read('root', 'root'), await read('targets', 'targets')];
  if (!root || !targets) throw new Error('there is no root of trust');
  const inForce = { root, targets, roleTargets: (role: string) => read('targets', role) };
  const { model, version, securityCounter } = manifest;
  const target = { model, version, manifestBytes, securityCounter };
  const signed = await listVersion(inForce, target, [keys.targets], now);
  const request = JSON.parse(JSON.stringify({ manifest, targets: signed }));
  await registry.publish(model, request, 'admin');
}

/** y = x + (bias, bias + 1, ...), on so many floats that the file has several chunks. */
function adder(bias: number) {
  const elements = 40_000;
  const graph = new GraphBuilder('add');
  graph.input({ name: 'x', datatype: 'FP32', shape: [-1, elements] });
  const data = new Uint8Array(Float32Array.from({ length: elements }, (_, index) => bias + index).buffer);
  graph.initializer('bias', { datatype: 'FP32', shape: [elements], data });
  graph.node('Add', ['x', 'bias'], 'y');
  graph.output({ name: 'y', datatype: 'FP32', shape: [-1, elements] });
  return graph.build();
}
