import { GraphBuilder, type Model } from '@covey/onnx';
import { expect, test } from 'vitest';
import { requireMemory } from './memory.ts';

/** Doubles its input `times` times; a shape of -1 is open. */
function doubling(times: number, rows: number): Model {
  const builder = new GraphBuilder('doubling');
  let last = builder.input({ name: 'x', datatype: 'FP32', shape: [rows, 256] });
  for (let i = 0; i < times; i++) last = builder.node('Concat', [last, last], `p${i}`, { axis: 1 });
  builder.output({ name: last, datatype: 'FP32', shape: [rows, 256 * 2 ** times] });
  return builder.build();
}

const gibibyte = 2 ** 30;
const sample = (rows: number) => ({
  x: { datatype: 'FP32' as const, shape: [rows, 256], data: new Uint8Array(rows * 1024) },
});

test('a run that takes more than half of the memory is refused with both figures', () => {
  expect(() => requireMemory(doubling(40, 1), 4 * gibibyte)).toThrow(
    /takes 1536 TiB for its values, most at "p39"; the limit is half of this machine's memory, 2.00 GiB/,
  );
  requireMemory(doubling(10, 1), 4 * gibibyte);
});

test('open dimensions have the sizes of the sample', () => {
  const model = doubling(10, -1);
  requireMemory(model, gibibyte, sample(1));
  expect(() => requireMemory(model, gibibyte, sample(1024))).toThrow(
    expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }),
  );
});
