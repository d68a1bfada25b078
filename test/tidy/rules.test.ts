import { describe, expect, it } from 'vitest';
import { isForbidden, isVaguelyNamed, privatePathLines } from './rules.ts';
import { readSources } from './sources.ts';
import { readSyntax } from './syntax.ts';

const sources = readSources();

describe('the sources', () => {
  it('are named for what they hold: no utils, common, helpers or misc', () => {
    expect(sources.map(({ path }) => path).filter(isVaguelyNamed)).toEqual([]);
  });

  it('name no folder of a developer machine', () => {
    expect(sources.flatMap(privatePathLines)).toEqual([]);
  });
});

describe('readSyntax', () => {
  const findingsOf = (text: string, path = 'packages/agent/src/a.ts') =>
    readSyntax({ path, text })
      .findings.filter((finding) => isForbidden(path, finding))
      .map(({ rule }) => rule);

  it.each([
    ['console.log(1);', 'console'],
    ["console['error'](1);", 'console'],
    ['const a: any = 1;', 'any'],
    ['const a = 1 as any;', 'any'],
    ['const a: Array<any> = [];', 'any'],
    ['const a = b!;', 'non-null assertion'],
    ['const a = b!.c;', 'non-null assertion'],
    ['class A { b!: string }', 'non-null assertion'],
    ['// @ts-ignore\nf();', 'silenced type checker'],
    ['/* @ts-expect-error */ f();', 'silenced type checker'],
    ['export default 1;', 'default export'],
    ['let a = 1;', 'module-level let'],
    ['export let a = 1;', 'module-level let'],
    ['f(process.env.HOME);', 'environment variable'],
    ['const { env } = process;', 'environment variable'],
    ["import { env } from 'node:process';", 'environment variable'],
    ['f(import.meta.env.MODE);', 'environment variable'],
    [`// ${'TO'}DO later`, 'to-do comment'],
  ])('finds in %j: %s', (text, rule) => {
    expect(findingsOf(text)).toEqual([rule]);
  });

  it('finds nothing in what only looks alike', () => {
    const text = `
      // the console is not console.log; todo lists are fine
      const text = 'console.log(a!) as any process.env @ts-ignore';
      const env = a.env; const many = !b; function f() { let local = 1; return local; }
      const { argv } = process;
      type Company = { any: string };
    `;
    expect(findingsOf(text)).toEqual([]);
  });

  it('lets only the command, tests and configuration read the environment', () => {
    const text = 'f(process.env.A);';
    expect(findingsOf(text, 'packages/cli/src/main.ts')).toEqual([]);
    expect(findingsOf(text, 'packages/agent/src/a.test.ts')).toEqual([]);
    expect(findingsOf(text, 'test/vitest.config.ts')).toEqual([]);
    expect(findingsOf(text, 'packages/controller/src/http/server.ts')).toEqual(['environment variable']);
  });

  it('sees every way to name a module', () => {
    const text = `
      import a from 'm1'; import type { B } from 'm2'; import 'm3'; export * from 'm4'; export { c } from 'm5';
      const d = await import('m6'); type E = import('m7').E; import.meta.resolve('m8');
      new URL('./m9', import.meta.url); import(computed); new URL('no', 'https://example.org');
    `;
    const { references } = readSyntax({ path: 'a.ts', text });
    expect(references.map(({ specifier }) => specifier).sort()).toEqual(
      ['m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7', 'm8', './m9'].sort(),
    );
  });

  it('sizes functions under the names of the declarations around them', () => {
    const text = `function outer() {
  const inner = () => {
    return 1;
  };
  each(() => inner());
}
class A {
  method() {
    return { key: function () {} };
  }
}
`;
    expect(readSyntax({ path: 'a.ts', text }).functions).toEqual([
      { name: 'outer', lines: 6 },
      { name: 'outer.inner', lines: 3 },
      { name: 'outer.callback', lines: 1 },
      { name: 'A.method', lines: 3 },
      { name: 'A.method.key', lines: 1 },
    ]);
  });

  it('throws on a file that does not parse', () => {
    expect(() => readSyntax({ path: 'a.ts', text: 'const = 1;' })).toThrow(/^a\.ts: /);
  });
});

describe('names and paths', () => {
  it.each(['packages/a/src/utils.ts', 'packages/a/src/Common/b.ts', 'test/string-helpers.ts', 'a/misc/b.md'])(
    'finds %s vague',
    (path) => expect(isVaguelyNamed(path)).toBe(true),
  );
  it.each(['packages/a/src/utilization.ts', 'packages/a/src/uncommon.ts'])('finds %s telling', (path) =>
    expect(isVaguelyNamed(path)).toBe(false),
  );

  const folder = (...parts: string[]) => parts.join('/');
  it.each([
    folder('', 'home', 'jane', 'covey'),
    folder('file:', '', '', 'Users', 'jane', 'covey'),
    `see "${folder('', 'work', 'main')}"`,
    ['C:', 'Users', 'jane'].join('\\'),
  ])('finds the private path in %s', (text) => {
    expect(privatePathLines({ path: 'a.md', text: `first\n${text}` })).toEqual([`a.md:2 ${text}`]);
  });
  it.each([
    '/var/lib/covey',
    'https://example.org/home/jane/',
    '/v1/users/jane',
    folder('packages', 'work', 'main'),
  ])('finds none in %s', (text) => expect(privatePathLines({ path: 'a.md', text })).toEqual([]));
});
