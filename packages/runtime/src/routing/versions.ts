import { CoveyError } from '@covey/protocol';

/** What of a version requests may name. */
export interface NamedVersion {
  version: string;
  /** Counts up per model. */
  number: number;
}

/**
 * The version that a client means by `asked`: SemVer, the version's number, or a channel.
 * Errors: MODEL_UNKNOWN, naming what there is.
 */
export function versionNamed(
  model: string,
  versions: readonly NamedVersion[],
  channels: Readonly<Record<string, string>>,
  asked: string,
): string {
  const wanted = Object.hasOwn(channels, asked) ? channels[asked] : asked;
  const found = versions.find(({ version, number }) => version === wanted || String(number) === wanted);
  if (found) return found.version;
  const names = versions.map(({ version }) => version);
  const served = names.length === 1 ? `version ${names[0]}` : `versions ${names.join(', ')}`;
  const movable = Object.keys(channels);
  const also = movable.length === 0 ? '' : ` (channels ${movable.join(', ')})`;
  throw new CoveyError(
    'MODEL_UNKNOWN',
    `model ${model} serves ${served}${also}, not ${asked}`.slice(0, 1_000),
  );
}

/** Without a route, requests that name no version get the newest. */
export function newestOf(versions: readonly NamedVersion[]): string | undefined {
  return versions.reduce<NamedVersion | undefined>(
    (newest, version) => (newest === undefined || version.number > newest.number ? version : newest),
    undefined,
  )?.version;
}
