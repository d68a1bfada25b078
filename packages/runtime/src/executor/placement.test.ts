import { expect, test } from 'vitest';
import { PlacementReader } from './placement.ts';

const prefix =
  '2026-11-22 22:11:56.289618755 [V:onnxruntime:, session_state.cc:1383 VerifyEachNodeIsAssignedToAnEp] ';
const placementsOf = (...lines: string[]) => {
  const reader = new PlacementReader();
  for (const line of lines) reader.read(line);
  return reader.placements;
};

test('nodes in two places are counted by operator', () => {
  expect(
    placementsOf(
      'something else',
      `${prefix}Node placements`,
      `${prefix} Node(s) placed on [WebGpuExecutionProvider]. Number of nodes: 3`,
      `${prefix}   Conv (base.0)`,
      `${prefix}   Conv (base (1))`,
      `${prefix}   MemcpyToHost (Memcpy_token_688)`,
      `${prefix} Node(s) placed on [CPUExecutionProvider]. Number of nodes: 1`,
      `${prefix}   QuantizeLinear (input_q)`,
    ),
  ).toEqual([
    { provider: 'webgpu', nodes: 3, operators: { Conv: 2, MemcpyToHost: 1 } },
    { provider: 'cpu', nodes: 1, operators: { QuantizeLinear: 1 } },
  ]);
});

test('nodes in one place are counted alone; other lines mean nothing', () => {
  const all = `${prefix} All nodes placed on [WebGpuExecutionProvider]. Number of nodes: 8`;
  expect(placementsOf(all)).toEqual([{ provider: 'webgpu', nodes: 8, operators: {} }]);
  expect(placementsOf('Warning: vkCreateInstance: Found no drivers!', `${prefix}   Conv (a)`)).toEqual([]);
});
