import { createHash } from 'node:crypto';
import type { DelegatedRole, Targets } from './documents.ts';

/** Whether a role may speak of a target (section 4.5): by patterns, or by the beginning of the path's SHA-256. */
export function isDelegatedPath(role: DelegatedRole, path: string): boolean {
  if (role.paths) return role.paths.some((pattern) => matchesPattern(path, pattern));
  const hash = createHash('sha256').update(path).digest('hex');
  return role.path_hash_prefixes?.some((prefix) => prefix !== '' && hash.startsWith(prefix)) ?? false;
}

/** Section 4.5, PATHPATTERN: shell-style, part by part, so that a wildcard never passes a slash. */
function matchesPattern(path: string, pattern: string): boolean {
  const parts = path.split('/');
  const patterns = pattern.split('/');
  return (
    parts.length === patterns.length && parts.every((part, index) => matchesPart(part, patterns[index] ?? ''))
  );
}

/** `*` and `?`. Goes back to the last `*` only, so that no pattern takes longer than the product of both lengths. */
function matchesPart(text: string, pattern: string): boolean {
  let at = 0;
  let star = -1;
  let resumeAt = 0;
  let next = 0;
  while (at < text.length) {
    if (pattern[next] === '*') {
      star = next++;
      resumeAt = at;
    } else if (next < pattern.length && (pattern[next] === '?' || pattern[next] === text[at])) {
      next++;
      at++;
    } else if (star >= 0) {
      next = star + 1;
      at = ++resumeAt;
    } else return false;
  }
  while (pattern[next] === '*') next++;
  return next === pattern.length;
}

/** The roles that `targets` asks next for a path, in their order. Bins (TAP 15) are one role, and terminating. */
export function delegationsFor({ delegations }: Targets, path: string): DelegatedRole[] {
  if (delegations?.roles) return delegations.roles.filter((role) => isDelegatedPath(role, path));
  const bins = delegations?.succinct_roles;
  if (!bins) return [];
  const hash = createHash('sha256').update(path).digest();
  const bin = Math.floor(hash.readUInt32BE() / 2 ** (32 - bins.bit_length));
  const width = (2 ** bins.bit_length - 1).toString(16).length;
  const name = `${bins.name_prefix}-${bin.toString(16).padStart(width, '0')}`;
  return [{ name, keyids: bins.keyids, threshold: bins.threshold, terminating: true }];
}
