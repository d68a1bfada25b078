import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importFault, workspaceOf } from './imports.ts';
import ratchet from './ratchet.json' with { type: 'json' };
import { isForbidden } from './rules.ts';
import { largest, ratchetFaults, type Sizes, sizeLimits, tightened } from './sizes.ts';
import { isCode, readSources, root } from './sources.ts';
import { readSyntax } from './syntax.ts';

const sources = readSources();
const workspace = workspaceOf(sources);
/** Every file of code with its syntax: parsed once for all that is asked of it. */
const code = sources
  .filter(({ path }) => isCode(path))
  .map((source) => ({ path: source.path, ...readSyntax(source) }));
const measured = { fileLines: fileLines(), functionLines: functionLines() };
const recorded: Record<keyof typeof measured, Sizes> =
  process.env.COVEY_TIDY_UPDATE === '1' ? updateRatchet() : ratchet;

describe('imports', () => {
  it('go one way, enter packages and rooms by their face, and are declared in package.json', () => {
    const faults = code.flatMap(({ path, references }) =>
      references.flatMap(({ specifier, line }) => {
        const fault = importFault(path, specifier, workspace);
        return fault ? [`${path}:${line} '${specifier}' ${fault}`] : [];
      }),
    );
    expect(faults).toEqual([]);
  });
});

describe('the sources', () => {
  it('keep to the house rules of TypeScript', () => {
    const faults = code.flatMap(({ path, findings }) =>
      findings
        .filter((finding) => isForbidden(path, finding))
        .map(({ rule, line }) => `${path}:${line} ${rule}`),
    );
    expect(faults).toEqual([]);
  });
});

describe.each(['fileLines', 'functionLines'] as const)('%s', (kind) => {
  it(`stay at or below ${sizeLimits[kind]}; what is larger only shrinks (COVEY_TIDY_UPDATE=1 records it)`, async ({
    annotate,
  }) => {
    await annotate(largest(measured[kind]));
    const faults = ratchetFaults(measured[kind], recorded[kind], sizeLimits[kind]);
    expect(faults, largest(measured[kind])).toEqual([]);
  });
});

function fileLines(): Sizes {
  const sized = sources.filter(({ path }) => isCode(path) || /\.(?:css|html|sh|py)$/.test(path));
  return Object.fromEntries(sized.map(({ path, text }) => [path, text.trimEnd().split('\n').length]));
}

/** By `<file>#<function>`; of functions with the same name the largest counts. Blocks of tests are no functions. */
function functionLines(): Sizes {
  const sizes: Record<string, number> = {};
  for (const { path, functions } of code) {
    if (path.includes('.test.')) continue;
    for (const { name, lines } of functions) {
      const key = `${path}#${name}`;
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
