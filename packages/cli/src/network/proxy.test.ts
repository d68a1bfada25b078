import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { chooseProxy, proxyOfEnvironment, removeProxySetting, writeProxySetting } from './proxy.ts';

describe('a proxy from the environment', () => {
  test.each<[Record<string, string>, ReturnType<typeof proxyOfEnvironment>]>([
    [{}, undefined],
    [{ HTTPS_PROXY: '' }, undefined],
    [{ HTTPS_PROXY: 'http://proxy:3128' }, { url: 'http://proxy:3128', bypass: [] }],
    [{ HTTPS_PROXY: 'proxy:3128' }, { url: 'http://proxy:3128', bypass: [] }],
    [
      { https_proxy: 'http://a:1', HTTPS_PROXY: 'http://b:2' },
      { url: 'http://a:1', bypass: [] },
    ],
    [
      { HTTPS_PROXY: 'http://site:p%40ss@proxy:3128/', NO_PROXY: 'localhost, .example.com' },
      {
        url: 'http://proxy:3128',
        bypass: ['localhost', '.example.com'],
        credentials: { user: 'site', password: 'p@ss' },
      },
    ],
  ])('%j', (environment, expected) => {
    expect(proxyOfEnvironment(environment)).toEqual(expected);
  });

  test('that is no address is refused without being repeated', () => {
    expect(() => proxyOfEnvironment({ HTTPS_PROXY: 'http://a b:secret@' })).toThrow(
      /^HTTPS_PROXY is no address/,
    );
  });
});

describe('a proxy set for a folder', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'covey-proxy-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('has its credentials in a file of their own, and wins over the environment', () => {
    const credentialsFile = join(folder, 'secret');
    writeFileSync(credentialsFile, 'site:with:colons\r\nmore\n');
    writeProxySetting(folder, { url: 'http://proxy:3128', credentialsFile, bypass: ['local'] });
    expect(statSync(join(folder, 'proxy.json')).mode & 0o777).toBe(0o600);
    expect(chooseProxy(folder)).toEqual({
      source: 'folder',
      proxy: {
        url: 'http://proxy:3128',
        bypass: ['local'],
        credentials: { user: 'site', password: 'with:colons' },
      },
    });
    writeProxySetting(folder, { url: null, bypass: [] });
    expect(chooseProxy(folder)).toEqual({ source: 'folder', proxy: undefined });
    removeProxySetting(folder);
    expect(chooseProxy(folder).source).not.toBe('folder');
  });

  test.each([
    ['no address', { url: 'proxy', bypass: [] }],
    ['another protocol', { url: 'socks5://proxy:1080', bypass: [] }],
    ['credentials in the address', { url: 'http://site:secret@proxy:3128', bypass: [] }],
  ])('is refused with %s', (_what, setting) => {
    expect(() => writeProxySetting(folder, setting)).toThrow(
      expect.objectContaining({ code: 'INVALID_DOCUMENT' }),
    );
  });

  test('says which credentials file is missing, or holds none', () => {
    const credentialsFile = join(folder, 'secret');
    const setting = { url: 'http://proxy:3128', credentialsFile, bypass: [] };
    expect(() => writeProxySetting(folder, setting)).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    writeFileSync(credentialsFile, 'nothing\n');
    expect(() => writeProxySetting(folder, setting)).toThrow(/user:password/);
  });
});
