import { rootLost } from './identity/index.ts';
import type { Parts } from './parts.ts';

/** Events for what the disk has lost of what is kept twice. */
export function damageOf({
  store,
  ledger,
}: Pick<Parts, 'store' | 'ledger'>): [kind: string, message: string][] {
  const { root } = store;
  const event =
    (kind: string) =>
    (path: string): [string, string] => [kind, `${path} is damaged; the other copy holds`];
  return [
    ...store.damaged.map(event('identity-damaged')),
    ...ledger.damaged.map((path): [string, string] => ['ledger-damaged', `${path} is damaged`]),
    ...(root.bytes ? root.damaged.map(event('root-damaged')) : [['root-lost', rootLost] as [string, string]]),
  ];
}
