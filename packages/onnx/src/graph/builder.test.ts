import { describe, expect, test } from 'vitest';
import { GraphBuilder } from './index.ts';

const floats = (...values: number[]) => new Uint8Array(Float32Array.of(...values).buffer);

describe('GraphBuilder', () => {
  test('a name can be defined once, and used only after', () => {
    const graph = new GraphBuilder('g');
    expect(() => graph.node('Relu', ['x'], 'y')).toThrow('nothing called "x"');
    graph.input({ name: 'x', datatype: 'FP32', shape: [-1] });
    graph.node('Relu', ['x'], 'y');
    expect(() => graph.node('Relu', ['x'], 'y')).toThrow('"y" is empty or taken');
    expect(() => graph.output({ name: 'z', datatype: 'FP32', shape: [-1] })).toThrow('nothing called "z"');
  });

  test('an initializer must fill its shape', () => {
    const graph = new GraphBuilder('g');
    const data = floats(1, 2, 3);
    expect(() => graph.initializer('w', { datatype: 'FP32', shape: [2, 2], data })).toThrow(
      '12 bytes do not fill FP32[2,2]',
    );
    expect(() => graph.initializer('w', { datatype: 'BYTES', shape: [3], data })).toThrow('do not fill');
  });

  test('refuses attributes that are not integers and graphs without outputs', () => {
    const graph = new GraphBuilder('g');
    graph.input({ name: 'x', datatype: 'FP32', shape: [-1] });
    expect(() => graph.node('Softmax', ['x'], 'y', { axis: 0.5 })).toThrow('"axis" is not made of integers');
    expect(() => graph.build()).toThrow('a graph needs an output');
  });
});
