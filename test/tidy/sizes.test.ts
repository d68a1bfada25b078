import { describe, expect, it } from 'vitest';
import { ratchetFaults, type Sizes, tightened } from './sizes.ts';

describe('the ratchet', () => {
  it.each<[string, Sizes, Sizes, RegExp[]]>([
    ['is content at the limit', { a: 60 }, {}, []],
    ['is content with what is recorded', { a: 70 }, { a: 70 }, []],
    ['refuses a new excess', { a: 61 }, {}, [/a has 61 lines, the limit is 60: split it/]],
    ['refuses growth', { a: 71 }, { a: 70 }, [/a has 71 lines, it had 70: split it/]],
    ['asks to record shrinking', { a: 65 }, { a: 70 }, [/set it to 65/]],
    ['asks to remove what is within the limit', { a: 60 }, { a: 70 }, [/remove its line/]],
    ['asks to remove what is gone', {}, { a: 70 }, [/remove its line/]],
  ])('%s', (_what, sizes, record, faults) => {
    expect(ratchetFaults(sizes, record, 60)).toEqual(faults.map((fault) => expect.stringMatching(fault)));
  });

  it('takes in what shrank, and never what grew or is new', () => {
    const sizes = { shrank: 65, grew: 80, within: 10, fresh: 99 };
    expect(tightened(sizes, { shrank: 70, grew: 70, within: 70, gone: 70 }, 60)).toEqual({
      shrank: 65,
      grew: 70,
    });
  });
});
