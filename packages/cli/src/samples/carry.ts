import { CoveyError } from '@covey/protocol';
import type { SampleOptions } from './options.ts';
import type { Sample } from './sample-set.ts';
import type { Source } from './source.ts';

type Carry = NonNullable<SampleOptions['carry']>;

/**
 * Samples with the inputs that a recurrent model carries from run to run: the model is run over them in order, from `first`
 * at each start. Reading sample n runs those before it that were not run yet; what was carried is kept.
 */
export function carried(source: Source, { outputs, run }: Carry, first: Sample): Source {
  /** What each sample is given, as far as is known. */
  const states: Sample[] = [];
  const read = async (index: number) => ({ ...(await source.read(index)), ...states[index] });
  let busy: Promise<unknown> = Promise.resolve();
  const advanceTo = async (index: number) => {
    for (let next = states.length; next <= index; next++) {
      const state = source.starts.has(next) ? first : stateOf(await run(await read(next - 1)), outputs);
      states.push(state);
    }
  };
  return {
    ...source,
    read: async (index) => {
      busy = busy.then(() => advanceTo(index));
      await busy;
      return read(index);
    },
  };
}

function stateOf(results: Sample, outputs: Carry['outputs']): Sample {
  return Object.fromEntries(
    Object.entries(outputs).map(([input, output]) => {
      const tensor = results[output];
      if (!tensor)
        throw new CoveyError(
          'INVALID_ARGUMENT',
          `input ${input} is carried from ${output}, which is no output`,
        );
      return [input, tensor];
    }),
  );
}
