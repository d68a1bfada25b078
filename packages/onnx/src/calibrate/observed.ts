import { CoveyError, type Tensor } from '@covey/protocol';
import type { Execution, LoadedModel } from '../execution.ts';
import { Names } from '../graph/index.ts';
import { cloneModel, createNode, createValueInfo, type Model, writeModel } from '../model/index.ts';

/** Inputs of one run of a model, by name. */
export type Sample = Record<string, Tensor>;

/** What values in between may take of memory in one run. More values are watched in several models, run one after the other. */
const watchedBytes = 64 * 1024 * 1024;

/** Runs a model and shows what values inside of it were. */
export class Watcher implements AsyncDisposable {
  readonly #groups: { names: readonly string[]; model: LoadedModel }[] = [];

  /** Made for samples of the size of `sample`. Errors: those of `execution`. */
  static async open(
    model: Model,
    execution: Execution,
    values: readonly string[],
    sample: Sample,
  ): Promise<Watcher> {
    const watcher = new Watcher();
    if (values.length === 0) return watcher;
    try {
      const sizes = await sizesOf(model, execution, values, sample);
      for (const names of groupsOf(values, sizes)) {
        const watched = await execution.load(writeModel(withOutputs(model, names)));
        watcher.#groups.push({ names, model: watched });
      }
    } catch (error) {
      await watcher[Symbol.asyncDispose]();
      throw error;
    }
    return watcher;
  }

  /** Calls back with each value. Errors: MODEL_UNSUPPORTED for one that is not fp32; those of the execution. */
  async run(sample: Sample, onValue: (name: string, elements: Float32Array) => void): Promise<void> {
    for (const { names, model } of this.#groups) {
      const outputs = await model.run(sample);
      for (const name of names) onValue(name, floatsOf(name, outputs[name]));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { model } of this.#groups.splice(0)) await model.release();
  }
}

/** The elements of a fp32 tensor: a view where it is aligned. */
export function floatsOf(name: string, tensor: Tensor | undefined): Float32Array {
  if (tensor?.datatype !== 'FP32')
    throw new CoveyError('MODEL_UNSUPPORTED', `"${name}" is ${tensor?.datatype ?? 'no tensor'}, not FP32`);
  const { data } = tensor;
  const aligned = data.byteOffset % Float32Array.BYTES_PER_ELEMENT === 0 ? data : new Uint8Array(data);
  return new Float32Array(aligned.buffer, aligned.byteOffset, Math.floor(aligned.byteLength / 4));
}

/** How many elements each value has: a run in which each is only counted, so that none has to leave the runtime. */
async function sizesOf(
  model: Model,
  execution: Execution,
  values: readonly string[],
  sample: Sample,
): Promise<number[]> {
  const counting = cloneModel(model);
  const names = new Names(counting);
  const counts = values.map((value) => names.fresh(`${value}_size`));
  counting.graph.nodes.push(...values.map((value, i) => createNode('Size', [value], [counts[i] ?? ''])));
  const loaded = await execution.load(writeModel(withOutputs(counting, counts)));
  try {
    const outputs = await loaded.run(sample);
    return counts.map((name) => {
      const data = outputs[name]?.data;
      return data ? Number(new DataView(data.buffer, data.byteOffset).getBigInt64(0, true)) : 0;
    });
  } finally {
    await loaded.release();
  }
}

/** Values in groups that each fit; one too large for any group has one of its own. */
export function groupsOf(values: readonly string[], sizes: readonly number[]): string[][] {
  const groups: string[][] = [];
  let roomBytes = 0;
  for (const [i, value] of values.entries()) {
    const sizeBytes = (sizes[i] ?? 0) * Float32Array.BYTES_PER_ELEMENT;
    if (groups.length === 0 || sizeBytes > roomBytes) {
      groups.push([]);
      roomBytes = watchedBytes;
    }
    groups.at(-1)?.push(value);
    roomBytes -= sizeBytes;
  }
  return groups;
}

/** The model with other outputs. What they are is for the runtime to find out: it knows the types of its values. */
export function withOutputs(model: Model, names: readonly string[]): Model {
  const outputs = names.map((name) => createValueInfo(name));
  return { ...model, graph: { ...model.graph, outputs } };
}
