import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProcessExit } from '../ports.ts';
import { systemHost } from './host.ts';
import { nodeProcesses } from './processes.ts';

/** Says back what it hears; `die` ends it badly. */
const program = `
process.on('message', (message) => {
  if (message === 'die') process.abort();
  if (message === 'say much and die') {
    for (let part = 0; part < 20; part++) process.send({ part, text: 'x'.repeat(2000) }, undefined, {}, () => {});
    process.abort();
  }
  if (message === 'environment') process.send(Object.keys(process.env));
  else process.send({ echo: message });
});
console.error('a line');
`;

describe('real processes', () => {
  let folder = '';
  let module = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'covey-processes-'));
    await writeFile(join(folder, 'program.mjs'), program);
    module = pathToFileURL(join(folder, 'program.mjs')).href;
  });
  afterAll(() => rm(folder, { recursive: true }));

  function start(entry: string) {
    const exit = Promise.withResolvers<ProcessExit>();
    const messages: unknown[] = [];
    const lines: string[] = [];
    let heard = Promise.withResolvers<unknown>();
    const child = nodeProcesses.start({
      module: entry,
      nodeFlags: [],
      firstToDie: true,
      onErrorLine: (line) => lines.push(line),
      onMessage: (message) => {
        messages.push(message);
        heard.resolve(message);
        heard = Promise.withResolvers();
      },
      onExit: exit.resolve,
    });
    const ask = (message: unknown) => {
      const answer = heard.promise;
      child.send(message);
      return answer;
    };
    return { child, lines, messages, ask, exit: exit.promise };
  }

  it('carries structures both ways, and gives a child no secrets of the environment', async () => {
    process.env.COVEY_TEST_SECRET = 'secret';
    const { child, lines, ask, exit } = start(module);
    expect(await ask({ bytes: new Uint8Array([1, 2]), big: 1n })).toEqual({
      echo: { bytes: new Uint8Array([1, 2]), big: 1n },
    });
    expect(await ask('environment')).not.toContain('COVEY_TEST_SECRET');
    const usage = await systemHost().usage(child.pid);
    if (process.platform === 'linux') expect(usage.childRssBytes).toBeGreaterThan(1e6);
    child.kill('SIGKILL');
    expect(await exit).toEqual({ code: null, signal: 'SIGKILL' });
    child.send('into the void');
    expect(lines).toContain('a line');
  });

  it('tells of an end after what was said before it', async () => {
    const { child, messages, exit } = start(module);
    child.send('say much and die');
    await expect.poll(() => messages.length).toBeGreaterThan(0);
    // Too busy to read: the end and the rest come at once.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    await exit;
    expect(messages).toHaveLength(20);
  });

  it('says how a child ended, and that there is no program', async () => {
    const dying = start(module);
    dying.child.send('die');
    expect((await dying.exit).signal).toBe('SIGABRT');
    expect(await start(`${module}.absent`).exit).toMatchObject({ code: 1 });
  });
});
