import { type Figures, inspectModel, type Model, type Sample } from '@covey/onnx';
import { CoveyError } from '@covey/protocol';
import { formatBytes } from '../inspect/figures.ts';

/** More of the machine's memory than this is not for one run: weights, the tool and all others need some too. */
const mostShare = 0.5;

/**
 * That a run of the model on `sample` (absent: whatever the sample) fits a machine with `memoryBytes`. Values whose size
 * the shapes do not tell are not counted. Errors: PAYLOAD_TOO_LARGE with both figures.
 */
export function requireMemory(model: Model, memoryBytes: number, sample: Sample = {}): void {
  const open = inspectModel(model);
  const sizes = sizesOf(model, open.symbols, sample);
  const { figures } = Object.keys(sizes).length === 0 ? open : inspectModel(model, sizes);
  if (figures) requireRoom(figures, mostShare * memoryBytes);
}

function requireRoom({ activations: { peakBytes, peakAt = '' } }: Figures, limitBytes: number): void {
  if (peakBytes > limitBytes)
    throw new CoveyError(
      'PAYLOAD_TOO_LARGE',
      `a run of the model takes ${formatBytes(peakBytes)} for its values, most at "${peakAt}"; the limit is half of this machine's memory, ${formatBytes(limitBytes)}`,
    );
}

/** The sizes that a sample gives the open dimensions, as inspectModel names them. */
function sizesOf({ graph }: Model, symbols: readonly string[], sample: Sample): Record<string, number> {
  const sizes = graph.inputs.flatMap(({ name, type }) =>
    (sample[name]?.shape ?? []).flatMap((size, axis): [string, number][] => {
      const declared = type?.kind === 'tensor' ? type.shape?.[axis] : undefined;
      const symbol = symbols.find((known) => known === declared || known === `${name}[${axis}]`);
      return symbol === undefined ? [] : [[symbol, size]];
    }),
  );
  return Object.fromEntries(sizes);
}
