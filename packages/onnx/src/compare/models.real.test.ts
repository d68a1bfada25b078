import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { editModel, standardPasses } from '../edit/index.ts';
import { ortExecution } from '../execution.fixture.ts';
import { readModel } from '../model/index.ts';
import { compareModels } from './models.ts';

const folder = new URL('../../../../../shared/data/models/', import.meta.url);
const files = ['face-rfb-320', 'iris-random-forest', 'light_resnet50', 'mnist', 'silero-vad-16k'];

function modelIn(file: string) {
  return readModel(new Uint8Array(readFileSync(new URL(`${file}.onnx`, folder))));
}

describe.skipIf(!existsSync(folder))('compareModels on real models (skipped without ../shared/data)', () => {
  it.each(files)('finds nothing between %s and the same file read again', (file) => {
    const { properties, nodes, weights } = compareModels(modelIn(file), modelIn(file));
    expect({ properties, ...nodes, same: 0 }).toEqual({
      properties: [],
      same: 0,
      changed: [],
      removed: [],
      added: [],
    });
    expect(weights.compared.filter(({ change }) => change !== 'none')).toEqual([]);
    expect([...weights.removed, ...weights.added]).toEqual([]);
  });

  it('sees that editing the face detector takes batch norms into its convolutions and adds nothing', async () => {
    const before = modelIn('face-rfb-320');
    const { model: after } = await editModel(before, standardPasses, ortExecution());
    const { nodes, weights } = compareModels(before, after);
    const removed = Map.groupBy(nodes.removed, ({ opType }) => opType);
    expect(removed.get('BatchNormalization')?.length).toBe(35);
    expect(removed.get('Conv')).toBeUndefined();
    expect(nodes.added).toEqual([]);
    expect(weights.compared.filter(({ change }) => change === 'values').length).toBe(35);
  });
});
