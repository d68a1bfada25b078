import type { Random } from '@covey/ports';
import { CoveyError } from '@covey/protocol';
import { createAuthorityFiles, type OwnAuthority, openAuthority } from './authority.ts';
import type { IdentityFiles } from './files.ts';

/**
 * The controller's own authorities. Usually one; during a change two: the present one still signs the server, so that every
 * device believes it, and the next one signs devices, which learn it over connections that the present one proves. When all
 * have, the change is finished and the present one ends.
 */
export interface Authorities {
  /** Signs the server's certificates; its fingerprint is in enrolment tokens. */
  readonly serving: OwnAuthority;
  /** Undefined: there is no change under way. */
  readonly next: OwnAuthority | undefined;
  /** Signs devices' certificates. */
  readonly issuing: OwnAuthority;
  /** PEM of all, the serving one first. */
  readonly pem: string;
  /** Errors: CONFLICT when a change is under way. */
  begin(now: number): Promise<void>;
  /** Errors: CONFLICT when none is. */
  finish(): Promise<void>;
}

/** Errors: DATA_CORRUPT. */
export async function openAuthorities(
  files: IdentityFiles,
  random: Random,
  now: number,
): Promise<Authorities> {
  let serving = await openAuthority(await files.authority(random, now), random);
  const stored = await files.nextAuthority();
  let next = stored && (await openAuthority(stored, random));
  return {
    get serving() {
      return serving;
    },
    get next() {
      return next;
    },
    get issuing() {
      return next ?? serving;
    },
    get pem() {
      return next ? `${serving.pem}${next.pem}` : serving.pem;
    },
    begin: async (at) => {
      if (next) throw new CoveyError('CONFLICT', 'a change of the authority is under way: finish it first');
      const made = await createAuthorityFiles(random, at);
      await files.writeNextAuthority(made);
      next = await openAuthority(made, random);
    },
    finish: async () => {
      if (!next) throw new CoveyError('CONFLICT', 'no change of the authority is under way: begin one first');
      await files.promoteNextAuthority();
      serving = next;
      next = undefined;
    },
  };
}
