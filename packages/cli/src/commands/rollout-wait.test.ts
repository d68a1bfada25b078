import { expect, test } from 'vitest';
import { parseWaves } from './rollout-wait.ts';

test('waves are counts and shares of all devices', () => {
  expect(parseWaves('1, 10%,50%')).toEqual([{ count: 1 }, { percent: 10 }, { percent: 50 }]);
  expect(parseWaves('50%,50%')).toEqual([{ percent: 50 }, { percent: 50 }]);
});

test.each(['banana', '0', '', '1,', '101%', '-1', '50%,60%,10', '50%,100%', '100%,1'])(
  'refused: %s',
  (text) => {
    expect(() => parseWaves(text)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  },
);
