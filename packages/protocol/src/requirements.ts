import * as v from 'valibot';
import { CoveyError } from './errors/index.ts';
import { NameSchema, VersionSchema } from './ids.ts';
import { type Provider, ProviderSchema } from './messages.ts';

/** What the runtime of this version loads: opsets by domain, '' for ONNX's own. ONNX Runtime 1.30 refuses later ones. */
export const runtimeOpsets: Readonly<Record<string, number>> = {
  '': 26,
  'ai.onnx.ml': 5,
  'com.microsoft': 1,
};

/** What a device must have. Of a bundle: for all of it; of a variant: for that one beside. */
export const RequirementsSchema = v.object({
  /** One of these computes it. */
  providers: v.optional(v.pipe(v.array(ProviderSchema), v.minLength(1), v.maxLength(4))),
  /** Of the machine. */
  memoryBytes: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  /** Version of the operators by domain, '' for ONNX's own. */
  opsets: v.optional(
    v.record(v.pipe(v.string(), v.maxLength(256)), v.pipe(v.number(), v.integer(), v.minValue(1))),
  ),
  /** At least this. */
  agentVersion: v.optional(VersionSchema),
});
export type Requirements = v.InferOutput<typeof RequirementsSchema>;

/** A model that has to be in the same release, by its name or by what it provides. */
export const DependencySchema = v.object({
  name: NameSchema,
  /** At least this version of it; absent: any. */
  version: v.optional(VersionSchema),
});
export type Dependency = v.InferOutput<typeof DependencySchema>;

/** A device as requirements see it. */
export interface DeviceHost {
  providers: readonly Provider[];
  memoryBytes: number;
  agentVersion: string;
  opsets: Readonly<Record<string, number>>;
}

interface Required {
  model: string;
  version: string;
  requirements?: Requirements | undefined;
  variants: readonly { name: string; requirements?: Requirements | undefined }[];
}
interface Depending {
  model: string;
  version: string;
  provides?: readonly string[] | undefined;
  depends?: readonly Dependency[] | undefined;
}

/** Names of the variants that run on a device, one at least. Errors: BUNDLE_INCOMPATIBLE, with every reason. */
export function compatibleVariants(bundle: Required, host: DeviceHost): string[] {
  const { model, version, requirements, variants } = bundle;
  const ofAll = unmet(requirements, host);
  const reasons = variants.map(({ name, requirements: own }) => ({ name, unmet: unmet(own, host) }));
  const fitting = reasons.filter((variant) => variant.unmet.length === 0).map(({ name }) => name);
  // The agent's own software has none.
  if (ofAll.length === 0 && (fitting.length > 0 || variants.length === 0)) return fitting;
  const ofVariants = reasons.flatMap(({ name, unmet: why }) =>
    why.map((reason) => `variant ${name}: ${reason}`),
  );
  const why = [...ofAll, ...(fitting.length === 0 ? ofVariants : [])].join('; ');
  throw new CoveyError('BUNDLE_INCOMPATIBLE', `${model} ${version} does not run here: ${why}`);
}

/** Sees to it that a release holds what each of its models depends on. Errors: BUNDLE_INCOMPATIBLE, naming what is missing. */
export function checkDependencies(release: readonly Depending[]): void {
  const missing = release.flatMap(({ model, version, depends = [] }) =>
    depends
      .filter((wanted) => !release.some((other) => isMetBy(wanted, other)))
      .map(
        ({ name, version: least }) => `${model} ${version} needs ${name}${least ? ` ${least} or later` : ''}`,
      ),
  );
  if (missing.length > 0)
    throw new CoveyError(
      'BUNDLE_INCOMPATIBLE',
      `${missing.join('; ')}: roll out that first, or in the same release`,
    );
}

function isMetBy({ name, version }: Dependency, other: Depending): boolean {
  const isIt = other.model === name || (other.provides ?? []).includes(name);
  return isIt && (version === undefined || compareVersions(other.version, version) >= 0);
}

function unmet(requirements: Requirements | undefined, host: DeviceHost): string[] {
  const { providers, memoryBytes, opsets = {}, agentVersion } = requirements ?? {};
  const reasons: string[] = [];
  if (providers && !providers.some((provider) => host.providers.includes(provider)))
    reasons.push(`it needs ${providers.join(' or ')}, the device has ${host.providers.join(' and ')}`);
  if (memoryBytes !== undefined && host.memoryBytes < memoryBytes)
    reasons.push(`it needs ${memoryBytes} bytes of memory, the device has ${host.memoryBytes}`);
  for (const [domain, version] of Object.entries(opsets)) {
    const known = Object.hasOwn(host.opsets, domain) ? (host.opsets[domain] ?? 0) : 0;
    if (known < version)
      reasons.push(
        `it needs operators of ${domain || 'ai.onnx'} ${version}, the runtime has ${known === 0 ? 'none of them' : known}`,
      );
  }
  if (agentVersion !== undefined && compareVersions(host.agentVersion, agentVersion) < 0)
    reasons.push(`it needs agent ${agentVersion} or later, the device runs ${host.agentVersion}`);
  return reasons;
}

/** Below 0, 0 or above, by SemVer 2.0.0, section 11. */
export function compareVersions(a: string, b: string): number {
  const [one, two] = [partsOf(a), partsOf(b)];
  for (let i = 0; i < 3; i++) {
    const difference = (one.numbers[i] ?? 0) - (two.numbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  // A version without a pre-release comes after all of its pre-releases.
  if (one.pre.length === 0 || two.pre.length === 0) return two.pre.length - one.pre.length;
  for (let i = 0; i < Math.min(one.pre.length, two.pre.length); i++) {
    const difference = compareIdentifiers(one.pre[i] ?? '', two.pre[i] ?? '');
    if (difference !== 0) return difference;
  }
  return one.pre.length - two.pre.length;
}

function partsOf(version: string): { numbers: number[]; pre: string[] } {
  const dash = version.indexOf('-');
  const [core, pre] = dash < 0 ? [version, ''] : [version.slice(0, dash), version.slice(dash + 1)];
  return { numbers: core.split('.').map(Number), pre: pre === '' ? [] : pre.split('.') };
}

/** Numbers by their value and before words; words by their characters. */
function compareIdentifiers(a: string, b: string): number {
  const [isNumberA, isNumberB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (isNumberA && isNumberB) return Number(a) - Number(b);
  if (isNumberA !== isNumberB) return isNumberA ? -1 : 1;
  return a === b ? 0 : a < b ? -1 : 1;
}
