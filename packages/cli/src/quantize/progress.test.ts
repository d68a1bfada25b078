import { type SearchProgress, schemeName, staticSchemes } from '@covey/onnx';
import { expect, test } from 'vitest';
import { progressText } from './progress.ts';

test.each<[progress: SearchProgress, text: string]>([
  [{ stage: 'calibrate', step: 'entropy bins 2048', done: 2 }, 'calibrating 2 (entropy bins 2048)'],
  [
    { stage: 'trial', step: 'static, minmax; in fp32: 2 ["a","b"]; budget {"cosine":0.9}', done: 5 },
    'trying 5 (in fp32: 2 nodes)',
  ],
  [{ stage: 'trial', step: 'static, minmax; in fp32: 1 ["a"]', done: 1 }, 'trying 1 (in fp32: 1 node)'],
  [
    { stage: 'sensitivity', step: 'static, minmax; 1 from conv', done: 3, total: 6 },
    'what hurts most 3 of 6 (1 node from conv)',
  ],
  [
    { stage: 'sensitivity', step: 'static, minmax; 12 from conv', done: 3, total: 6 },
    'what hurts most 3 of 6 (12 nodes from conv)',
  ],
])('%j', (progress, text) => {
  expect(progressText(progress)).toBe(text);
});

test('a scheme does not say twice how it is calibrated', () => {
  for (const name of staticSchemes.map(schemeName)) expect(name).not.toMatch(/(\w+) \1/);
});
