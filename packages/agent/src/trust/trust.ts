import {
  allows,
  findTarget,
  isTargetOf,
  limitsField,
  type RoleLimits,
  refreshMetadata,
  type TargetFile,
  type TufClientOptions,
  targetPath,
  trustedTimestamp,
} from '@covey/bundle/tuf';
import type { Disk, Ports } from '@covey/ports';
import { CoveyError, type ModelVersionRef, toCoveyError } from '@covey/protocol';
import { type Identity, rootLost, tlsOf } from '../identity/index.ts';
import type { Ledger } from '../ledger/index.ts';
import { diskStore } from './store.ts';
import { createTrustedTime } from './time.ts';

const timeoutMs = 60_000;

/** A version that a publisher this device trusts has signed, for devices such as this. */
export interface AuthorizedVersion {
  ref: ModelVersionRef;
  securityCounter: number;
}

/** Whether versions may be installed here. What is installed serves on, whatever becomes of the metadata. */
export interface Trust {
  /**
   * Brings the metadata up to date and finds the version in it. What the committed release, or the one before, holds was
   * authorized when it was installed, and stays so: going back needs no network and no fresh metadata. Errors: TRUST_UNKNOWN (nobody who may sign for the model lists
   * it), TRUST_LIMITED (only for devices with other tags), SECURITY_COUNTER; TRUST_EXPIRED, TRUST_SIGNATURE, TRUST_ROLLBACK,
   * TRUST_INCONSISTENT, TRUST_MALFORMED; DATA_CORRUPT (the root of trust is lost); UNREACHABLE, TIMEOUT, FORBIDDEN, DISK_FULL.
   */
  authorize(ref: ModelVersionRef, signal: AbortSignal): Promise<AuthorizedVersion>;
  /** The controller says what time it is: for devices whose clock stands in the past. */
  heardTime(now: number): void;
}

export interface TrustOptions {
  identity: Identity;
  /** Where trusted metadata is kept. */
  folder: string;
  ledger: Pick<Ledger, 'update'>;
}

export function createTrust(
  { disk, fetch, clock }: Pick<Ports, 'disk' | 'fetch' | 'clock'>,
  { identity, folder, ledger }: TrustOptions,
): Trust {
  const time = createTrustedTime(clock);
  const store = diskStore(disk, folder);
  const { tags, pinnedRoot } = identity;
  const fetchFrom =
    (signal: AbortSignal): TufClientOptions['fetch'] =>
    async (name, maxBytes) => {
      if (signal.aborted) throw new CoveyError('INTERNAL', 'the check of the signatures was cancelled');
      const url = new URL(`/trust/${name}`, identity.deviceUrl).href;
      const answer = await fetch({ method: 'GET', url, tls: tlsOf(identity), timeoutMs, maxBytes });
      if (answer.status === 200) return answer.body;
      if (answer.status === 404) return undefined;
      const code = answer.status === 403 ? 'FORBIDDEN' : 'UNREACHABLE';
      throw new CoveyError(code, `${url} answers with status ${answer.status}`);
    };
  const rootOrWhy = (error: unknown) => {
    const isLost = pinnedRoot === undefined && toCoveyError(error).code === 'DATA_CORRUPT';
    return isLost ? new CoveyError('DATA_CORRUPT', rootLost, { cause: error }) : error;
  };
  const refresh = async (fetchFile: TufClientOptions['fetch']) => {
    const seen = await trustedTimestamp({ store, pinnedRoot });
    time.seen(seen);
    const options = { store, fetch: fetchFile, pinnedRoot, now: time.now() };
    try {
      return { options, trusted: await refreshMetadata(options) };
    } catch (error) {
      const isExpired = error instanceof CoveyError && error.code === 'TRUST_EXPIRED';
      // A new root has taken back the key that said what time it is: without its word it may be earlier.
      const isTakenBack = seen && !(await trustedTimestamp({ store, pinnedRoot }));
      if (!isExpired || !isTakenBack) throw error;
      time.seen(undefined);
      const again = { ...options, now: time.now() };
      return { options: again, trusted: await refreshMetadata(again) };
    }
  };
  return {
    authorize: async (ref, signal) => {
      const { committed, previous, securityCounters } = ledger.update;
      const floor = securityCounters[ref.model] ?? 0;
      const installed = [committed, previous].flatMap((settled) => settled?.release.models ?? []);
      if (installed.some(({ bundle }) => bundle === ref.bundle)) return { ref, securityCounter: floor };
      const { options, trusted } = await refresh(fetchFrom(signal)).catch((error) => {
        throw rootOrWhy(error);
      });
      const passedOver: RoleLimits[] = [];
      const applies = ({ [limitsField]: limits }: { [limitsField]?: RoleLimits | undefined }) => {
        if (!limits || allows([limits], tags)) return true;
        passedOver.push(limits);
        return false;
      };
      for await (const { target } of findTarget(options, trusted, pathOf(ref), applies))
        return authorized(ref, target, floor);
      throw notListed(ref, passedOver);
    },
    heardTime: time.heard,
  };
}

/** Whether the device keeps a root of its own, which the publisher's later ones have led to and which is whole. */
export async function hasLearnedRoot(disk: Disk, folder: string): Promise<boolean> {
  try {
    await trustedTimestamp({ store: diskStore(disk, folder), pinnedRoot: undefined });
    return true;
  } catch {
    // None, a damaged one, or one that cannot be read: nothing can be checked by it.
    return false;
  }
}

function pathOf({ model, version }: ModelVersionRef): string {
  return targetPath(model, version);
}

function authorized(ref: ModelVersionRef, target: TargetFile, committed: number): AuthorizedVersion {
  if (!isTargetOf(target, ref.bundle))
    throw new CoveyError(
      'TRUST_UNKNOWN',
      `${ref.model} ${ref.version} was signed with other contents than ${ref.bundle}`,
    );
  const securityCounter = target.custom?.securityCounter;
  if (typeof securityCounter !== 'number')
    throw new CoveyError(
      'TRUST_UNKNOWN',
      `${ref.model} ${ref.version} was signed without a security counter`,
    );
  if (securityCounter < committed)
    throw new CoveyError(
      'SECURITY_COUNTER',
      `${ref.model} has security counter ${securityCounter}, this device has committed ${committed}`,
    );
  return { ref, securityCounter };
}

function notListed({ model, version }: ModelVersionRef, passedOver: readonly RoleLimits[]): CoveyError {
  if (passedOver.length === 0)
    return new CoveyError('TRUST_UNKNOWN', `nobody whom this device trusts has signed ${model} ${version}`);
  const tags = passedOver.map((limit) =>
    Object.entries(limit.tags).map(([name, value]) => `${name}=${value}`),
  );
  return new CoveyError(
    'TRUST_LIMITED',
    `${model} ${version} is signed, if at all, for devices with ${tags.map((all) => all.join()).join(' or ')}`,
  );
}
