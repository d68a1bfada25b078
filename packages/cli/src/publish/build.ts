import { type Bundle, type BundleSource, buildBundle, type VariantSource } from '@covey/bundle';
import { readModel, tensorRanges } from '@covey/onnx';
import { CoveyError, runtimeOpsets } from '@covey/protocol';

/**
 * The bundle of a version: chunks respect its tensors, and each variant says which operators it needs. Equal sources give
 * equal bytes, on every machine. Errors: those of buildBundle.
 */
export function buildVersion(source: BundleSource): Bundle {
  return buildBundle({ ...source, variants: source.variants.map(described) });
}

function described(variant: VariantSource): VariantSource {
  const { bytes, requirements } = variant;
  const opsets = Object.fromEntries(
    readModel(bytes)
      .opsets.map(({ domain, version }): [string, number] => [domain === 'ai.onnx' ? '' : domain, version])
      // Of other domains the runtime has nothing: the probe says so.
      .filter(([domain]) => Object.hasOwn(runtimeOpsets, domain)),
  );
  return { ...variant, tensors: tensorRanges(bytes), requirements: { ...requirements, opsets } };
}

/**
 * When a version is said to have been made: now, or what `SOURCE_DATE_EPOCH` says in seconds, by which builds of one source
 * at two times are the same (reproducible-builds.org/specs/source-date-epoch). Errors: INVALID_ARGUMENT.
 */
export function creationTime(sourceDateEpoch: string | undefined, now: number): string {
  if (sourceDateEpoch === undefined) return new Date(now).toISOString();
  const seconds = Number(sourceDateEpoch);
  if (!/^\d{1,11}$/.test(sourceDateEpoch))
    throw new CoveyError('INVALID_ARGUMENT', `SOURCE_DATE_EPOCH is no time in seconds: ${sourceDateEpoch}`);
  return new Date(seconds * 1_000).toISOString();
}
