import { describe, expect, test } from 'vitest';
import { bothOk, bothRefuse, Clients } from './clients.fixture.ts';
import type { DelegatedRole } from './documents.ts';
import { delegationsFor } from './paths.ts';

/* After test_updater_delegation_graphs and test_quoting_issues of the public TUF conformance suite, our client beside tuf-js. */

type Delegation = [delegator: string, role: string, change?: Partial<DelegatedRole>];

const py = { paths: ['*.py'] };
const graphs: Record<string, { delegations: Delegation[]; visited: string }> = {
  'basic-delegation': { delegations: [['targets', 'A']], visited: 'A' },
  'single-level-delegations': {
    delegations: [
      ['targets', 'A'],
      ['targets', 'B'],
    ],
    visited: 'A B',
  },
  'two-level-delegations': {
    delegations: [
      ['targets', 'A'],
      ['targets', 'B'],
      ['B', 'C'],
    ],
    visited: 'A B C',
  },
  'two-level-test-DFS-order-of-traversal': {
    delegations: [
      ['targets', 'A'],
      ['targets', 'B'],
      ['A', 'C'],
      ['A', 'D'],
    ],
    visited: 'A C D B',
  },
  'three-level-delegation-test-DFS-order-of-traversal': {
    delegations: [
      ['targets', 'A'],
      ['targets', 'B'],
      ['A', 'C'],
      ['C', 'D'],
    ],
    visited: 'A C D B',
  },
  'two-level-terminating-ignores-all-but-roles-descendants': {
    delegations: [
      ['targets', 'A'],
      ['targets', 'B'],
      ['A', 'C', { terminating: true }],
      ['A', 'D'],
    ],
    visited: 'A C',
  },
  'three-level-terminating-ignores-all-but-roles-descendants': {
    delegations: [
      ['targets', 'A'],
      ['targets', 'B'],
      ['A', 'C', { terminating: true }],
      ['C', 'D'],
    ],
    visited: 'A C D',
  },
  'two-level-ignores-all-branches-not-matching-paths': {
    delegations: [
      ['targets', 'A', py],
      ['targets', 'B'],
      ['A', 'C'],
    ],
    visited: 'B',
  },
  'three-level-ignores-all-branches-not-matching-paths': {
    delegations: [
      ['targets', 'A'],
      ['targets', 'B'],
      ['A', 'C', py],
      ['C', 'D'],
    ],
    visited: 'A B',
  },
  'cyclic-graph': {
    delegations: [
      ['targets', 'A'],
      ['targets', 'B'],
      ['B', 'C'],
      ['C', 'D'],
      ['D', 'B'],
    ],
    visited: 'A B C D',
  },
  'two-roles-delegating-to-a-third': {
    delegations: [
      ['targets', 'A'],
      ['targets', 'B'],
      ['B', 'C'],
      ['A', 'C'],
    ],
    visited: 'A C B',
  },
  'two-roles-delegating-to-a-third-different-paths': {
    delegations: [
      ['targets', 'A'],
      ['targets', 'B'],
      ['B', 'C'],
      ['A', 'C', py],
    ],
    visited: 'A B C',
  },
};

async function startWith(delegations: Delegation[]): Promise<Clients> {
  const clients = await Clients.start();
  for (const [delegator, role, change] of delegations) clients.repository.delegate(delegator, role, change);
  await clients.repository.updateSnapshot();
  return clients;
}

/** Delegated roles in the order in which they were asked for. */
function visited({ repository }: Clients): string {
  const roles = repository.requests.flatMap((name) => /^\d+\.(.+)\.json$/.exec(name)?.[1] ?? []);
  return roles.filter((role) => !['root', 'snapshot', 'targets'].includes(role)).join(' ');
}

describe('test_graph_traversal', () => {
  test.each(Object.entries(graphs))('%s', async (_name, graph) => {
    const clients = await startWith(graph.delegations);
    expect(await clients.find('missingpath')).toEqual(bothRefuse('TRUST_UNKNOWN'));
    expect(visited(clients)).toBe(graph.visited);
    clients.versions();
  });
});

describe('test_targetfile_search', () => {
  test.each([
    ['targetfile', true, ''],
    ['README.md', true, 'A'],
    ['releases/x/x_v1', true, 'B C'],
    ['releases/y/y_v1.zip', true, 'B D'],
    ['releases/z/z_v1.zip', false, 'B'],
  ])('%s', async (path, isFound, roles) => {
    const clients = await startWith([
      ['targets', 'A', { paths: ['*.doc', '*.md'] }],
      ['targets', 'B', { paths: ['releases/*/*'] }],
      ['B', 'C', { paths: ['releases/x/*'] }],
      ['B', 'D', { paths: ['releases/y/*.zip'] }],
    ]);
    const { repository } = clients;
    repository.addTarget('targets', 'targetfile', 'targetfile content');
    repository.addTarget('A', 'README.md', 'README by A');
    repository.addTarget('C', 'releases/x/x_v1', 'x release by C');
    repository.addTarget('D', 'releases/y/y_v1.zip', 'y release by D');
    repository.addTarget('D', 'releases/z/z_v1.zip', 'z release by D');
    await repository.updateSnapshot();
    expect(await clients.find(path)).toEqual(isFound ? bothOk : bothRefuse('TRUST_UNKNOWN'));
    expect(visited(clients)).toBe(roles);
  });
});

test.each(['?', '#', '/delegatedrole', '../delegatedrole'])('test_unusual_role_name %s', async (role) => {
  const clients = await startWith([['targets', role]]);
  expect(await clients.find('nonexistent target')).toEqual(bothRefuse('TRUST_UNKNOWN'));
  expect(visited(clients)).toBe(encodeURIComponent(role));
  expect([...clients.files.keys()].filter((name) => name.includes('/'))).toEqual([]);
  expect(clients.files.size).toBe(5);
});

describe('where tuf-js goes another way', () => {
  test('roles named by numbers are asked in the order of their delegations', async () => {
    const clients = await startWith([
      ['targets', '10'],
      ['targets', '2'],
    ]);
    await clients.find('missingpath');
    // @tufjs/models keeps them in an object, which sorts such names first.
    expect(visited(clients)).toBe('10 2');
  });

  test('a delegation for which nothing was published yet is one without targets', async () => {
    const clients = await startWith([
      ['targets', 'A'],
      ['targets', 'B'],
    ]);
    delete clients.repository.snapshot.meta['A.json'];
    clients.repository.targets.delete('A');
    clients.repository.addTarget('B', 'file', 'content');
    await clients.repository.updateSnapshot();
    expect(await clients.find('file')).toEqual({ ours: 'ok', theirs: 'failed' });
  });
});

describe('bins (TAP 15) and prefixes of hashes', () => {
  test('a target is asked of the bin that its hash falls into, by both', async () => {
    const clients = await Clients.start();
    const { repository } = clients;
    repository.delegate('targets', 'bin-0');
    const [keyid = ''] = repository.top.delegations?.roles?.[0]?.keyids ?? [];
    const bins = { keyids: [keyid], threshold: 1, bit_length: 3, name_prefix: 'bin' };
    repository.top.delegations = { keys: repository.top.delegations?.keys ?? {}, succinct_roles: bins };
    const [bin] = delegationsFor(repository.top, 'some/path');
    const name = bin?.name ?? '';
    const signers = repository.signers.get('bin-0') ?? [];
    repository.signers.set(name, signers);
    repository.targets.delete('bin-0');
    repository.targets.set(name, { ...structuredClone(repository.top), targets: {} });
    delete repository.role(name).delegations;
    repository.addTarget(name, 'some/path', 'content');
    await repository.updateSnapshot();
    expect(await clients.find('some/path')).toEqual(bothOk);
    expect(visited(clients)).toBe(name);
  });

  test.each([
    ['the prefix of the hash', 'aa', true],
    ['another prefix', 'cc', false],
  ])('%s', async (_name, prefix, isFound) => {
    // sha256("file.txt") begins with aa.
    const clients = await startWith([['targets', 'A', { path_hash_prefixes: [prefix] }]]);
    clients.repository.addTarget('A', 'file.txt', 'content');
    await clients.repository.updateSnapshot();
    expect(await clients.find('file.txt')).toEqual(isFound ? bothOk : bothRefuse('TRUST_UNKNOWN'));
  });
});

test.each([
  ['*', 'a', true],
  ['*', 'a/b', false],
  ['a/*', 'a/b', true],
  ['a/*', 'a/b/c', false],
  ['a/?', 'a/b', true],
  ['a/?', 'a/bc', false],
  ['*.*', 'a.b', true],
  ['a*b*c', 'axxbyyc', true],
  ['a*b*c', 'axxbyy', false],
  ['**', 'a/b', false],
  ['', '', true],
])('the pattern %j against %j: %s', (pattern, path, matches) => {
  const role = { name: 'r', keyids: [], threshold: 1, terminating: false, paths: [pattern] };
  const targets = { delegations: { keys: {}, roles: [role] } };
  expect(delegationsFor(targets as never, path)).toHaveLength(matches ? 1 : 0);
});

test('no pattern takes long', () => {
  const pattern = `${'*a'.repeat(200)}*`;
  const role = { name: 'r', keyids: [], threshold: 1, terminating: false, paths: [pattern] };
  const targets = { delegations: { keys: {}, roles: [role] } };
  const startedMs = performance.now();
  expect(delegationsFor(targets as never, 'a'.repeat(500))).toHaveLength(1);
  expect(delegationsFor(targets as never, `${'b'.repeat(2_000)}`)).toHaveLength(0);
  expect(performance.now() - startedMs).toBeLessThan(1_000);
});
