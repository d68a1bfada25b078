import { CoveyError } from '@covey/protocol';
import { convertOpset } from '../edit/index.ts';
import { opsetOf } from '../graph/index.ts';
import type { Model } from '../model/index.ts';

/** Brings a model to an opset that has the operators of quantization, if its own is older. Errors: MODEL_UNSUPPORTED. */
export function raiseOpset(model: Model, version: number): void {
  if (opsetOf(model) >= version) return;
  const { apply } = convertOpset(version);
  apply(model, undefined);
  if (opsetOf(model) < version)
    throw new CoveyError('MODEL_UNSUPPORTED', `the model cannot be brought to opset ${version}`);
}

/** Operators that ONNX Runtime has beside ONNX's own. */
export const microsoft = 'com.microsoft';

/** States that a model uses operators of `com.microsoft`, as a file must. */
export function useMicrosoft(model: Model): void {
  if (!model.opsets.some(({ domain }) => domain === microsoft))
    model.opsets.push({ domain: microsoft, version: 1 });
}
