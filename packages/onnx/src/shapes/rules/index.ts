import type { Node } from '../../model/index.ts';
import type { Rule, Rules } from '../call.ts';
import { arrangementRules } from './arrangement.ts';
import { classicalRules } from './classical.ts';
import { controlRules } from './control.ts';
import { elementwiseRules, fusedActivationRules } from './elementwise.ts';
import { matrixRules, microsoftMatrixRules } from './matrix.ts';
import { pieceRules } from './pieces.ts';
import { microsoftQuantizedRules, quantizedRules } from './quantized.ts';
import { microsoftSamplingRules, reductionRules } from './reductions.ts';
import { microsoftSequenceRules, sequenceRules } from './sequences.ts';
import { sourceRules } from './sources.ts';
import { microsoftWindowRules, windowRules } from './windows.ts';

const table = (...families: Rules[]): ReadonlyMap<string, Rule> =>
  new Map(families.flatMap((rules) => Object.entries(rules)));

const rulesByDomain: ReadonlyMap<string, ReadonlyMap<string, Rule>> = new Map([
  [
    '',
    table(
      arrangementRules,
      controlRules,
      elementwiseRules,
      matrixRules,
      pieceRules,
      quantizedRules,
      reductionRules,
      sequenceRules,
      sourceRules,
      windowRules,
    ),
  ],
  ['ai.onnx.ml', table(classicalRules)],
  [
    'com.microsoft',
    table(
      fusedActivationRules,
      microsoftMatrixRules,
      microsoftQuantizedRules,
      microsoftSamplingRules,
      microsoftSequenceRules,
      microsoftWindowRules,
    ),
  ],
]);

/** How the types of a node's outputs follow from those of its inputs; undefined for an operator unknown here. */
export function ruleOf({ domain, opType }: Node): Rule | undefined {
  return rulesByDomain.get(domain === 'ai.onnx' ? '' : domain)?.get(opType);
}
