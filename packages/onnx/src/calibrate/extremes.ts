import type { Execution, LoadedModel } from '../execution.ts';
import { Names } from '../graph/index.ts';
import { cloneModel, createNode, type Model, writeModel } from '../model/index.ts';
import type { Range } from '../quantize/index.ts';
import { floatsOf, type Sample, withOutputs } from './observed.ts';

/** Names of what stands for one value. */
interface Outputs {
  value: string;
  min: string;
  max: string;
  /** The sum of each element less itself: 0 where all are finite. The runtime's least and greatest pass over NaN. */
  zero: string;
}

/**
 * Runs a model and tells between what numbers values inside of it were: the runtime finds them itself, so that no value
 * has to leave it.
 */
export class Extremes implements AsyncDisposable {
  /** Absent where there is no value to look at. */
  readonly #model: LoadedModel | undefined;
  readonly #outputs: readonly Outputs[];

  private constructor(model: LoadedModel | undefined, outputs: readonly Outputs[]) {
    this.#model = model;
    this.#outputs = outputs;
  }

  /** Errors: those of `execution`. */
  static async open(model: Model, execution: Execution, values: readonly string[]): Promise<Extremes> {
    if (values.length === 0) return new Extremes(undefined, []);
    const watching = cloneModel(model);
    const names = new Names(watching);
    const outputs = values.map((value): Outputs => {
      const [min, max, zero] = [names.fresh(`${value}_min`), names.fresh(`${value}_max`), names.fresh(value)];
      const difference = names.fresh(`${value}_difference`);
      watching.graph.nodes.push(
        createNode('ReduceMin', [value], [min], { keepdims: 0 }),
        createNode('ReduceMax', [value], [max], { keepdims: 0 }),
        createNode('Sub', [value, value], [difference]),
        createNode('ReduceSum', [difference], [zero], { keepdims: 0 }),
      );
      return { value, min, max, zero };
    });
    const given = outputs.flatMap(({ min, max, zero }) => [min, max, zero]);
    return new Extremes(await execution.load(writeModel(withOutputs(watching, given))), outputs);
  }

  /**
   * Calls back with the range of each value; undefined for one that is not finite somewhere. An empty value has a range of
   * nothing, with its `min` above its `max`. Errors: MODEL_UNSUPPORTED for one that is not fp32; those of the execution.
   */
  async run(sample: Sample, onRange: (value: string, range: Range | undefined) => void): Promise<void> {
    const found = (await this.#model?.run(sample)) ?? {};
    const numberOf = (value: string, name: string) => floatsOf(value, found[name])[0] ?? Number.NaN;
    for (const { value, min, max, zero } of this.#outputs) {
      const range = { min: numberOf(value, min), max: numberOf(value, max) };
      onRange(value, numberOf(value, zero) === 0 ? range : undefined);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#model?.release();
  }
}
