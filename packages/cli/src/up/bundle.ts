import { type Bundle, buildBundle, encodeReference } from '@covey/bundle';
import { type ExampleVersionNumber, exampleVersion } from '@covey/example';
import { tensorRanges } from '@covey/onnx';
import { SummaryAccumulator } from '@covey/stats';

export const exampleModel = 'bearing';

/** A version of the bundled example as a bundle. */
export function exampleBundle(version: ExampleVersionNumber): Bundle {
  const example = exampleVersion(version);
  const { schema, classification, description, variants, evaluation } = example;
  const summary = new SummaryAccumulator(
    { model: exampleModel, version, variant: 'fp32', schema, classification },
    0,
  );
  for (const { inputs, outputs } of example.referenceInputs()) summary.add(inputs, outputs, 1);
  return buildBundle({
    model: exampleModel,
    version,
    createdAt: new Date().toISOString(),
    description,
    securityCounter: 0,
    schema,
    classification,
    variants: variants.map((variant) => ({ ...variant, tensors: tensorRanges(variant.bytes) })),
    golden: example.goldenInputs.map((inputs, index) => ({
      inputs,
      outputs: example.goldenOutputs[index] ?? {},
    })),
    reference: encodeReference(summary.take(0)),
    evaluation,
  });
}
