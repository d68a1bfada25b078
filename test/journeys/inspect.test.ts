import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { covey, coveyJson, dataFolder, hasData, temporaryFolder } from './harness.ts';

interface Inspected {
  symbols: string[];
  nodes: number;
  weights: { count: number };
  findings: { severity: string }[];
  figures: {
    compute: { multiplyAccumulates: number; uncounted: number };
    activations: { peakBytes: number; unsized: number };
    shapes: { values: number; known: number };
  };
}

const modelPath = (name: string) => join(dataFolder, 'models', `${name}.onnx`);
const inspect = (name: string, ...args: string[]) =>
  coveyJson<Inspected>(['model', 'inspect', modelPath(name), ...args]);

describe.skipIf(!hasData)('covey model inspect (skipped where ../shared/data is absent)', () => {
  test.each([
    'face-rfb-320',
    'light_resnet50',
    'light_squeezenet',
    'mnist',
    'iris-random-forest',
    'silero-vad-16k',
  ])('%s is sound and can be drawn', async (name) => {
    const picture = join(temporaryFolder(), 'graph.svg');
    const { findings, nodes, figures } = await inspect(name, '--svg', picture);
    expect(findings.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(nodes).toBeGreaterThan(0);
    const { multiplyAccumulates, uncounted } = figures.compute;
    expect(multiplyAccumulates + uncounted > 0).toBe(name !== 'iris-random-forest');
    const svg = readFileSync(picture, 'utf8');
    expect(svg.startsWith('<svg ') && svg.endsWith('</svg>\n')).toBe(true);
    expect(svg.match(/<g class="box/g)?.length).toBeGreaterThan(2);
  });

  test('the detector: figures known from its architecture', async () => {
    const { figures, weights } = await inspect('face-rfb-320');
    expect(figures.shapes).toEqual({ values: 242, known: 242 });
    // 100 million multiply-accumulates for 320 x 240 pixels; the 0.3 million parameters that its authors state.
    expect(figures.compute.multiplyAccumulates / 1e6).toBeCloseTo(100.4, 1);
    expect(weights.count / 1e6).toBeCloseTo(0.31, 2);
  });

  test('open dimensions are listed, and with sizes everything is known', async () => {
    const open = await inspect('silero-vad-16k');
    expect(open.symbols).toEqual(['batch', 'sequence']);
    expect(open.figures.compute.uncounted).toBeGreaterThan(0);
    const sized = await inspect('silero-vad-16k', '--size', 'batch=1', '--size', 'sequence=576');
    expect(sized.symbols).toEqual([]);
    expect(sized.figures.compute.uncounted).toBe(0);
    expect(sized.figures.shapes.known).toBe(sized.figures.shapes.values);
  });

  test('for people: sections, and every dimension that may be given', async () => {
    const { code, stdout } = await covey(['model', 'inspect', modelPath('silero-vad-16k')]);
    expect(code).toBe(0);
    for (const title of [
      'inputs and outputs',
      'what a run takes',
      'weights',
      'operators',
      'where nodes run',
      'findings',
    ])
      expect(stdout).toContain(`\n${title}\n`);
    expect(stdout).toContain('open dimensions: batch, sequence');
  });

  test('an unsound model exits 1 and says where; sizes that fit nothing and files that are no model are refused', async () => {
    const broken = join(temporaryFolder(), 'broken.onnx');
    const bytes = readFileSync(modelPath('mnist'));
    // The input's name, where the first node takes it: a value that nothing makes.
    writeFileSync(broken, Buffer.from(bytes.toString('latin1').replace('Input3', 'Xnput3'), 'latin1'));
    const unsound = await covey(['model', 'inspect', broken]);
    expect(unsound.code).toBe(1);
    expect(unsound.stdout).toContain('Xnput3');
    const misspelt = await covey(['model', 'inspect', modelPath('silero-vad-16k'), '--size', 'bathc=1']);
    expect(misspelt.code).toBe(2);
    expect(misspelt.stderr).toContain('it has batch, sequence');
    writeFileSync(broken, 'not a model');
    const foreign = await covey(['model', 'inspect', broken]);
    expect(foreign.code).toBe(1);
    expect(foreign.stderr).toContain('broken.onnx');
  });
});
