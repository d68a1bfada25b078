import { sha256 } from '@covey/bundle';
import { keyIdOf, limitsField, type Repository, type TufKey } from '@covey/bundle/tuf';
import type { TrustView } from '@covey/protocol/api';

type RoleView = TrustView['roles'][number];

/** Roles with their keys, for people and for who signs next. */
export function viewOf(repository: Repository | undefined, onlineKey: TufKey): TrustView {
  const view: TrustView = {
    onlineKey: { keyid: keyIdOf(onlineKey), ...onlineKey },
    rootDigest: null,
    roles: [],
  };
  if (!repository) return view;
  const { root, targets, online } = repository;
  const files = { root, targets: targets.get('targets'), ...online };
  const topLevel = (['root', 'targets', 'snapshot', 'timestamp'] as const).map((name): RoleView => {
    const { keyids, threshold } = root.signed.roles[name];
    return {
      ...versionOf(files[name]?.signed),
      name,
      keyids,
      threshold,
      delegator: null,
      paths: null,
      tags: null,
    };
  });
  const delegated = [...targets].flatMap(([delegator, { signed }]) =>
    (signed.delegations?.roles ?? []).map((role): RoleView => {
      const { name, keyids, threshold, paths, [limitsField]: limits } = role;
      const file = versionOf(targets.get(name)?.signed);
      return {
        ...file,
        name,
        keyids,
        threshold,
        delegator,
        paths: paths ?? null,
        tags: limits?.tags ?? null,
      };
    }),
  );
  return { ...view, rootDigest: sha256(root.bytes), roles: [...topLevel, ...delegated] };
}

function versionOf(signed: { version: number; expires: string } | undefined) {
  return { version: signed?.version ?? null, expires: signed?.expires ?? null };
}
