import { describe, expect, it } from 'vitest';
import {
  importFault,
  mayImport,
  ownerOf,
  type PackageManifest,
  roomedPackages,
  roomOf,
  type Workspace,
  workspaceOf,
} from './imports.ts';
import { isCode, readSources } from './sources.ts';

const sources = readSources();
const workspace = workspaceOf(sources);
const folders = [...workspace.keys()].filter((folder) => folder.startsWith('packages/'));

describe('imports', () => {
  it('are declared in the same direction, and at exact versions', () => {
    const faults = [...workspace].flatMap(([folder, manifest]) => {
      const name = folder.replace('packages/', '');
      const declared = {
        ...manifest.dependencies,
        ...manifest.devDependencies,
        ...manifest.optionalDependencies,
      };
      return Object.entries(declared).flatMap(([dependency, version]) => {
        const ours = dependency.replace('@covey/', '');
        if (ours === dependency)
          return /^\d+\.\d+\.\d+[\w.-]*$/.test(version)
            ? []
            : [`${folder}: ${dependency} ${version} is not exact`];
        return folder === 'test' || mayImport[name]?.includes(ours)
          ? []
          : [`${folder} may not depend on ${dependency}`];
      });
    });
    expect(faults).toEqual([]);
  });

  it('have a place in the table for every package, under the name of its folder', () => {
    for (const folder of folders) {
      expect(Object.keys(mayImport)).toContain(folder.replace('packages/', ''));
      expect(workspace.get(folder)?.name).toBe(folder.replace('packages/', '@covey/'));
    }
  });

  it('are drawn without a circle', () => {
    const seen = new Set<string>();
    for (const [name, targets] of Object.entries(mayImport).sort(([, a], [, b]) => a.length - b.length)) {
      expect(
        targets.filter((target) => !seen.has(target)),
        name,
      ).toEqual([]);
      seen.add(name);
    }
  });
});

describe('faces', () => {
  it('are short: no src/index.ts of a package has more than 20 lines', () => {
    const faces = sources.filter(({ path }) => /^packages\/[^/]+\/src\/index\.ts$/.test(path));
    expect(faces.length).toBeGreaterThan(0);
    expect(
      faces.filter(({ text }) => text.trimEnd().split('\n').length > 20).map(({ path }) => path),
    ).toEqual([]);
  });

  it('exist for every room', () => {
    const paths = new Set(sources.map(({ path }) => path));
    const rooms = new Set(
      sources.filter(({ path }) => isCode(path)).flatMap(({ path }) => roomOf(path) ?? []),
    );
    expect([...rooms].filter((room) => !paths.has(`${room}/index.ts`))).toEqual([]);
  });
});

describe('importFault', () => {
  const house: Workspace = new Map<string, PackageManifest>([
    ['', { name: 'covey', devDependencies: { vitest: '1.0.0' } }],
    [
      'test',
      {
        name: '@covey/test',
        dependencies: { '@covey/agent': 'workspace:*', '@covey/protocol': 'workspace:*' },
      },
    ],
    [
      'packages/agent',
      {
        name: '@covey/agent',
        exports: { '.': './src/index.ts' },
        dependencies: { '@covey/protocol': 'workspace:*', mqtt: '1.0.0' },
      },
    ],
    ['packages/runtime', { name: '@covey/runtime', exports: { './process': './src/process.ts' } }],
    [
      'packages/protocol',
      { name: '@covey/protocol', exports: { '.': './src/index.ts', './api': './src/api.ts' } },
    ],
  ]);
  const agent = 'packages/agent/src/link/session.ts';

  it.each([
    [agent, './backoff.ts'],
    [agent, '../plan/index.ts'],
    [agent, 'node:fs'],
    [agent, 'mqtt'],
    [agent, 'mqtt/dist/mqtt.js'],
    [agent, '@covey/protocol'],
    ['test/journeys/update.test.ts', '@covey/protocol/api'],
    ['packages/agent/src/link/session.test.ts', 'vitest'],
    ['packages/agent/src/index.ts', './link/index.ts'],
    ['packages/protocol/src/api.ts', './api/models.ts'],
    ['test/journeys/update.test.ts', '@covey/agent'],
    ['test/journeys/update.test.ts', '../simulator/world.ts'],
    ['test/journeys/update.test.ts', '../../../shared/data/models/mnist.onnx'],
  ])('accepts in %s the import of %s', (file, specifier) => {
    expect(importFault(file, specifier, house)).toBeUndefined();
  });

  it.each([
    [agent, '@covey/runtime/process', /direction/],
    [agent, '@covey/protocol/src/lz4.ts', /public entry/],
    [agent, '@covey/protocol/api', /zod/],
    [agent, '@covey/nowhere', /not here/],
    [agent, '../../../protocol/src/lz4.ts', /reaches into packages\/protocol/],
    [agent, '../plan/steps.ts', /room/],
    [agent, '../steps/deep/fetch.ts', /room/],
    [agent, '../../../../../shared/data/models/mnist.onnx', /reaches into/],
    [agent, 'vitest', /not among the dependencies/],
    [agent, 'left-pad', /not among the dependencies/],
    ['packages/agent/src/index.ts', './link/session.ts', /room/],
    ['packages/protocol/src/lz4.ts', '@covey/agent', /direction/],
    ['test/journeys/update.test.ts', '@covey/agent/link', /public entry/],
    ['test/journeys/update.test.ts', '../../packages/agent/src/link/session.ts', /reaches into/],
    ['device-images/build.ts', '../packages/agent/src/index.ts', /reaches into/],
  ])('refuses in %s the import of %s', (file, specifier, fault) => {
    expect(importFault(file, specifier, house)).toMatch(fault);
  });

  it('knows rooms only in the packages that have them', () => {
    expect(roomedPackages.map((name) => roomOf(`packages/${name}/src/a/b/c.ts`))).toEqual(
      roomedPackages.map((name) => `packages/${name}/src/a`),
    );
    expect(roomOf('packages/agent/src/index.ts')).toBeUndefined();
    expect(roomOf('packages/protocol/src/api/models.ts')).toBeUndefined();
    expect(ownerOf('device-images/build.ts')).toBe('device-images');
  });
});
