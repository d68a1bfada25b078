import { GraphBuilder, inspectModel } from '@covey/onnx';
import { expect, test } from 'vitest';
import { createOutput } from '../terminal/output.ts';
import { formatInspection } from './report.ts';

function inspected(rows: number): string {
  const graph = new GraphBuilder('g');
  graph.input({ name: 'x', datatype: 'FP32', shape: [rows, 4] });
  graph.output({ name: graph.node('MatMul', ['x', 'x'], 'y'), datatype: 'FP32', shape: [rows, 4] });
  return formatInspection(inspectModel(graph.build()), 1_000, createOutput(false));
}

test('figures of sizes that are open are unknown, not 0', () => {
  const text = inspected(-1);
  expect(text).toMatch(/activations at the peak +unknown\n/);
  expect(text).toMatch(/multiply-accumulates +unknown\n/);
  expect(text).toMatch(/their sizes being open: 1 products, 2 values/);
  expect(inspected(4)).toMatch(/activations at the peak +128 B, at y\n/);
});
