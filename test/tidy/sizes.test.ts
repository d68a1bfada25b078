import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import ratchet from './ratchet.json' with { type: 'json' };
import { largest, ratchetFaults, type Sizes, sizeLimits, tightened } from './sizes.ts';
import { isCode, readSources, root } from './sources.ts';
import { readSyntax } from './syntax.ts';

const sources = readSources().filter(({ path }) => isCode(path) || /\.(?:css|html|sh|py)$/.test(path));
const measured = { fileLines: fileLines(), functionLines: functionLines() };
const recorded: Record<keyof typeof measured, Sizes> =
  process.env.COVEY_TIDY_UPDATE === '1' ? updateRatchet() : ratchet;

describe.each(['fileLines', 'functionLines'] as const)('%s', (kind) => {
  it(`stay at or below ${sizeLimits[kind]}; what is larger only shrinks (COVEY_TIDY_UPDATE=1 records it)`, async ({
    annotate,
  }) => {
    await annotate(largest(measured[kind]));
    const faults = ratchetFaults(measured[kind], recorded[kind], sizeLimits[kind]);
    expect(faults, largest(measured[kind])).toEqual([]);
  });
});

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

function fileLines(): Sizes {
  return Object.fromEntries(sources.map(({ path, text }) => [path, text.trimEnd().split('\n').length]));
}

/** By `<file>#<function>`; of functions with the same name the largest counts. Blocks of tests are no functions. */
function functionLines(): Sizes {
  const sizes: Record<string, number> = {};
  for (const source of sources) {
    if (!isCode(source.path) || source.path.includes('.test.')) continue;
    for (const { name, lines } of readSyntax(source).functions) {
      const key = `${source.path}#${name}`;
      sizes[key] = Math.max(sizes[key] ?? 0, lines);
    }
  }
  return sizes;
}

function updateRatchet(): Record<keyof typeof measured, Sizes> {
  const updated = {
    fileLines: tightened(measured.fileLines, ratchet.fileLines, sizeLimits.fileLines),
    functionLines: tightened(measured.functionLines, ratchet.functionLines, sizeLimits.functionLines),
  };
  writeFileSync(join(root, 'test/tidy/ratchet.json'), `${JSON.stringify(updated, null, 2)}\n`);
  return updated;
}
