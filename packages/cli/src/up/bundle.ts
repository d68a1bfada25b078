import { type Bundle, encodeReference } from '@covey/bundle';
import { type ExampleVersionNumber, exampleVersion } from '@covey/example';
import { SummaryAccumulator } from '@covey/stats';
import { buildVersion } from '../publish/build.ts';

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
  return buildVersion({
    model: exampleModel,
    version,
    createdAt: new Date().toISOString(),
    description,
    securityCounter: 0,
    schema,
    classification,
    variants,
    golden: example.goldenInputs.map((inputs, index) => ({
      inputs,
      outputs: example.goldenOutputs[index] ?? {},
    })),
    reference: encodeReference(summary.take(0)),
    evaluation,
  });
}
