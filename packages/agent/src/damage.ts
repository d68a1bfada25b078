import { rootLost, rootLostButLearned } from './identity/index.ts';
import type { Parts } from './parts.ts';
import { softwareDamaged } from './software/index.ts';

/** Events for what the disk has lost of what is kept twice. */
export function damageOf({
  store,
  ledger,
  software,
  hasLearnedRoot,
}: Pick<Parts, 'store' | 'ledger' | 'software' | 'hasLearnedRoot'>): [kind: string, message: string][] {
  const { root } = store;
  const event =
    (kind: string, what = 'damaged') =>
    (path: string): [string, string] => [kind, `${path} is ${what}; the other copy holds`];
  return [
    ...('lost' in store
      ? [['identity-lost', store.lost.message] as [string, string]]
      : store.damaged.map(event('identity-damaged'))),
    ...ledger.damaged.map((path): [string, string] => ['ledger-damaged', `${path} is damaged`]),
    ...(software?.damaged ?? []).map((bundle): [string, string] => [
      'software-damaged',
      `${softwareDamaged(bundle, software?.running ?? null)}; it is laid out anew`,
    ]),
    ...(root.bytes
      ? [...root.damaged.map(event('root-damaged')), ...root.missing.map(event('root-damaged', 'missing'))]
      : [['root-lost', hasLearnedRoot ? rootLostButLearned : rootLost] as [string, string]]),
  ];
}
