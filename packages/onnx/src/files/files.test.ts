import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { GraphBuilder } from '../graph/index.ts';
import { createConstant, elementsOf, elementTypes, type Model, writeModel } from '../model/index.ts';
import { readModelFile, writeModelFile } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'covey-onnx-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const modelFolder = join(folder, 'model');
mkdirSync(modelFolder);
const path = join(modelFolder, 'model.onnx');

function weighted(count: number): Model {
  const graph = new GraphBuilder('weighted');
  graph.input({ name: 'x', datatype: 'FP32', shape: [count] });
  for (const name of ['a', 'b']) {
    const data = new Uint8Array(
      Float32Array.from({ length: count }, (_, i) => i + name.charCodeAt(0)).buffer,
    );
    graph.initializer(name, { datatype: 'FP32', shape: [count], data });
  }
  graph.node('Add', ['x', 'a'], 'xa');
  graph.node('Add', ['xa', 'b'], 'y');
  graph.output({ name: 'y', datatype: 'FP32', shape: [count] });
  return graph.build();
}

const external = { fileName: 'model.data', leastBytes: 1000 };
const elements = (model: Model, name: string) => {
  const constant = model.graph.initializers.get(name);
  return constant && Array.from(elementsOf(constant) as Float32Array);
};

describe('model files', () => {
  test('one file: what is written is what writeModel gives, and reads back the same', () => {
    const model = weighted(5_000);
    writeModelFile(path, model);
    expect(new Uint8Array(readFileSync(path))).toEqual(writeModel(model));
    expect(readModelFile(path)).toEqual(model);
    expect(readdirSync(modelFolder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('tensors larger than what is written at once, and more than one call takes', () => {
    const large = weighted(3_000_000);
    const many = weighted(1_000);
    for (let i = 0; i < 1_500; i++) {
      const data = new Uint8Array(4_096).fill(i);
      many.graph.initializers.set(`w${i}`, createConstant(`w${i}`, elementTypes.UINT8, [4_096], data));
    }
    for (const model of [large, many]) {
      writeModelFile(path, model);
      expect(Buffer.compare(readFileSync(path), writeModel(model))).toBe(0);
    }
  });

  test('weights beside the model: aligned, and read back the same', () => {
    const model = weighted(5_000);
    writeModelFile(path, model, external);
    expect(readFileSync(path).byteLength).toBeLessThan(1_000);
    const again = readModelFile(path);
    expect([elements(again, 'a'), elements(again, 'b')]).toEqual([
      elements(model, 'a'),
      elements(model, 'b'),
    ]);
  });

  test('a weight file that is cut short is refused, naming the weight', () => {
    writeModelFile(path, weighted(5_000), external);
    writeFileSync(join(modelFolder, 'model.data'), new Uint8Array(30_000));
    expect(() => readModelFile(path)).toThrow(/tensor "b" ends past the end of the file "model.data"/);
  });

  test('weights that share bytes are read once', () => {
    const model = weighted(5_000);
    writeModelFile(path, model, external);
    const shared = weighted(5_000);
    for (const constant of shared.graph.initializers.values())
      constant.data = { kind: 'external', location: 'model.data', offsetBytes: 0, entries: new Map() };
    writeModelFile(path, shared);
    const again = readModelFile(path);
    expect(elements(again, 'b')).toEqual(elements(model, 'a'));
    const buffers = [...again.graph.initializers.values()].map(({ data }) =>
      data.kind === 'raw' ? data.bytes.buffer : undefined,
    );
    expect(buffers[0]).toBe(buffers[1]);
  });
});

describe('a hostile location', () => {
  writeFileSync(join(folder, 'secret'), new Uint8Array(100_000));
  symlinkSync(join(folder, 'secret'), join(modelFolder, 'link'));
  symlinkSync(folder, join(modelFolder, 'folder-link'));
  mkdirSync(join(modelFolder, 'sub'));
  execFileSync('mkfifo', [join(modelFolder, 'pipe')]);

  test.each([
    ['', /no relative path/],
    ['../secret', /outside the model's folder/],
    ['sub/../../secret', /outside the model's folder/],
    [join(folder, 'secret'), /outside the model's folder/],
    ['/dev/zero', /outside the model's folder/],
    ['link', /leads outside/],
    ['folder-link/secret', /leads outside/],
    ['sub', /not a plain file/],
    ['pipe', /not a plain file/],
    ['absent', /cannot be read/],
    ['C:\\secret', /no relative path/],
    ['a\0b', /no relative path/],
  ])('%j is refused', (location, message) => {
    const model = weighted(10);
    for (const constant of model.graph.initializers.values())
      constant.data = { kind: 'external', location, offsetBytes: 0, entries: new Map() };
    writeModelFile(path, model);
    expect(() => readModelFile(path)).toThrow(message);
    expect(() => readModelFile(path)).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
  });

  test('absurd dimensions in another file reserve no memory', () => {
    const model = weighted(10);
    for (const constant of model.graph.initializers.values()) {
      constant.dims = [2 ** 26, 2 ** 24];
      constant.data = { kind: 'external', location: 'model.data', offsetBytes: 0, entries: new Map() };
    }
    writeModelFile(path, model);
    writeFileSync(join(modelFolder, 'model.data'), new Uint8Array(1_000));
    expect(() => readModelFile(path)).toThrow(/ends past the end/);
  });
});
