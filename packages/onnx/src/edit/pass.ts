import type { Execution } from '../execution.ts';
import { cloneModel, type Model } from '../model/index.ts';
import { dropNoOps } from './drop-no-ops.ts';
import { dropUnused } from './drop-unused.ts';
import { foldAffine } from './fold-affine.ts';
import { foldConstants } from './fold-constants.ts';
import { foldShapes } from './fold-shapes.ts';
import { forwardSlices } from './forward-slices.ts';
import { gemmBeforeNorm } from './gemm-before-norm.ts';
import { hoistConstants } from './hoist-constants.ts';
import { inlineBranches } from './inline-branches.ts';
import { inlineFunctions } from './inline-functions.ts';
import { mergeConstants } from './merge-constants.ts';
import { nameNodes } from './name-nodes.ts';
import { raiseIrVersion, stripInputs } from './strip-inputs.ts';

/** One small rewrite of a model that leaves what the model computes as it was, but for what its summary says. */
export interface Pass {
  name: string;
  summary: string;
  /** Edits the model in place (callers clone first); answers how many changes it made. */
  apply(model: Model, execution: Execution | undefined): number | Promise<number>;
}

/** Passes feed each other (a folded constant makes a Reshape a no-op); a model that still changes after these rounds is left as it is. */
const maxRounds = 8;

/**
 * A copy of the model after the passes, repeated in order until none changes anything; and how many changes each made.
 * Without `execution` the passes that must compute something leave the model alone. The model should be one that
 * `checkModel` has no errors about. Errors: those of the passes, naming the node that cannot be rewritten.
 */
export async function editModel(
  model: Model,
  passes: readonly Pass[],
  execution?: Execution,
): Promise<{ model: Model; changes: Record<string, number> }> {
  const edited = cloneModel(model);
  raiseIrVersion(edited, 4);
  const changes: Record<string, number> = {};
  for (let round = 0; round < maxRounds; round++) {
    let changed = 0;
    for (const pass of passes) {
      const count = await pass.apply(edited, execution);
      changes[pass.name] = (changes[pass.name] ?? 0) + count;
      changed += count;
    }
    if (changed === 0) break;
  }
  return { model: edited, changes };
}

/** What quantization relies on and every model gains from, in an order that settles in two or three rounds. */
export const standardPasses: readonly Pass[] = [
  inlineFunctions,
  nameNodes,
  stripInputs,
  hoistConstants,
  foldShapes,
  foldConstants,
  inlineBranches,
  dropNoOps,
  forwardSlices,
  gemmBeforeNorm,
  foldAffine,
  mergeConstants,
  dropUnused,
];
