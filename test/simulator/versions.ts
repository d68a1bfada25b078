import { type Bundle, buildBundle, createPublisherKey, parseTrustRoot, trustRootOf } from '@covey/bundle';
import { GraphBuilder, modelSchema, writeModel } from '@covey/onnx';

export const modelName = 'bearing';

/** The versions that the scenarios roll out; `agreement` is the share of inputs on which each decides as the one before. */
export const versions = {
  first: { version: '1.0.0', agreement: 1 },
  good: { version: '1.1.0', agreement: 0.995 },
  bad: { version: '1.2.0', agreement: 0.6 },
} as const;
export type VersionName = keyof typeof versions;

/** A publisher's signed bundles, and the trust that devices and controller put in the publisher. */
export function publish() {
  const publisher = createPublisherKey();
  const trustRootBytes = trustRootOf([publisher.publicKeyPem]);
  const bundleOf = (name: VersionName): Bundle => {
    const { version } = versions[name];
    const model = adder(Number(version.replaceAll('.', '')));
    return buildBundle(
      {
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
      },
      publisher.privateKeyPem,
    );
  };
  const bundles = { first: bundleOf('first'), good: bundleOf('good'), bad: bundleOf('bad') };
  return { trustRootBytes, trustRoot: parseTrustRoot(trustRootBytes), bundles };
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
