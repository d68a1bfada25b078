import type { Tensor } from '@covey/protocol';
import * as ort from 'onnxruntime-node';
import type { Execution } from './execution.ts';
import { GraphBuilder } from './graph/index.ts';
import { writeModel } from './model/index.ts';

const ortTypes = {
  BOOL: 'bool',
  UINT8: 'uint8',
  INT8: 'int8',
  UINT16: 'uint16',
  INT16: 'int16',
  INT32: 'int32',
  UINT32: 'uint32',
  INT64: 'int64',
  UINT64: 'uint64',
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
} as const;
type NumberDatatype = keyof typeof ortTypes;

const arrays = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  INT8: Int8Array,
  UINT16: Uint16Array,
  INT16: Int16Array,
  INT32: Int32Array,
  UINT32: Uint32Array,
  INT64: BigInt64Array,
  UINT64: BigUint64Array,
  FP16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
} as const;

/** ONNX Runtime in this process, on one thread: for the tests of this package. `optimize: false` runs the graph as it stands. */
export function ortExecution({ optimize = true } = {}): Execution {
  return {
    load: async (bytes) => {
      const session = await ort.InferenceSession.create(bytes, {
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        logSeverityLevel: 4,
        graphOptimizationLevel: optimize ? 'all' : 'disabled',
      });
      return {
        run: async (inputs) => {
          const results = await session.run(
            Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, toOrt(tensor)])),
          );
          return Object.fromEntries(
            Object.entries(results).map(([name, tensor]) => [name, fromOrt(name, tensor)]),
          );
        },
        release: () => session.release(),
      };
    },
  };
}

/**
 * Whether ONNX Runtime adds products of uint8 and int8 exactly on this processor: 4 x 255 x 127, where x86-64 without VNNI
 * comes to 2 x 32767.
 */
export async function addsExactly(): Promise<boolean> {
  const builder = new GraphBuilder('sum');
  builder.input({ name: 'x', datatype: 'UINT8', shape: [1, 4] });
  const largest: Tensor = { datatype: 'INT8', shape: [4, 16], data: new Uint8Array(4 * 16).fill(127) };
  builder.node('MatMulInteger', ['x', builder.initializer('w', largest)], 'y');
  builder.output({ name: 'y', datatype: 'INT32', shape: [1, 16] });
  const loaded = await ortExecution().load(writeModel(builder.build()));
  const x: Tensor = { datatype: 'UINT8', shape: [1, 4], data: new Uint8Array(4).fill(255) };
  const { y } = await loaded.run({ x });
  await loaded.release();
  return new Int32Array(y?.data.slice().buffer ?? new ArrayBuffer(0)).every((sum) => sum === 4 * 255 * 127);
}

function toOrt({ datatype, shape, data }: Tensor): ort.Tensor {
  if (datatype === 'BYTES') throw new Error('no texts here');
  const aligned = data.slice();
  const elements = new arrays[datatype](aligned.buffer);
  return new ort.Tensor(ortTypes[datatype] as 'float32', elements as Float32Array, shape);
}

function fromOrt(name: string, tensor: ort.Tensor): Tensor {
  const found = Object.entries(ortTypes).find(([, type]) => type === tensor.type);
  if (!found) throw new Error(`output ${name} is ${tensor.type}`);
  const { buffer, byteOffset, byteLength } = tensor.data as Float32Array;
  return {
    datatype: found[0] as NumberDatatype,
    shape: [...tensor.dims],
    data: new Uint8Array(buffer, byteOffset, byteLength).slice(),
  };
}
