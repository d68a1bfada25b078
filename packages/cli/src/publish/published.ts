import { createHash } from 'node:crypto';
import { CoveyError, canonicalJson, type ModelSchema } from '@covey/protocol';
import { ModelView, VersionDetail } from '@covey/protocol/api';
import type { Client } from '../client/client.ts';
import type { Served } from './serving-file.ts';

/** What a user asks to be published, without what differs from run to run: time, golden vectors. */
export interface VersionContents {
  description: string | null;
  securityCounter: number;
  classNames: string[] | null;
  /** ONNX files by name of variant. */
  variants: Record<string, Uint8Array>;
  /** How it wants to be served, what is done before and after the model, what it needs. */
  served: Served;
  /** The user gave inputs for golden vectors. */
  hasSamples: boolean;
}

/** The version as the registry has it; undefined when there is none. */
export async function findPublished(
  client: Client,
  model: string,
  version: string,
): Promise<VersionDetail | undefined> {
  const path = `/models/${encodeURIComponent(model)}/versions/${encodeURIComponent(version)}`;
  return ifThere(client.call({ method: 'GET', path, answer: VersionDetail }));
}

async function ifThere<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof CoveyError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

/** The newest version of the model, where its inputs or outputs have other names, types or shapes: callers would notice. */
export async function newestOfOtherSchema(
  client: Client,
  model: string,
  schema: ModelSchema,
): Promise<string | undefined> {
  const path = `/models/${encodeURIComponent(model)}`;
  const known = await ifThere(client.call({ method: 'GET', path, answer: ModelView }));
  const [newest] = known?.versions ?? [];
  const published = newest && (await findPublished(client, model, newest.version));
  return published && !isSame(published.schema, schema) ? published.version : undefined;
}

/**
 * Pushing what is published already is fine, so that a script can be run again. Golden vectors are not compared: their
 * outputs differ in the last bits from one CPU to another.
 * Errors: CONFLICT naming what differs; versions never change.
 */
export function requireSameContents(published: VersionDetail, wanted: VersionContents): void {
  const differences = [
    ...variantDifferences(published, wanted.variants),
    ...(published.description === wanted.description ? [] : ['the description']),
    ...(published.securityCounter === wanted.securityCounter ? [] : ['the security counter']),
    ...(JSON.stringify(published.classNames) === JSON.stringify(wanted.classNames)
      ? []
      : ['the class names']),
    ...(isSame(published.serving, wanted.served.serving) ? [] : ['the settings for serving']),
    ...(isSame(published.pipeline, wanted.served.pipeline) ? [] : ['the pipeline']),
    ...(isSame(published.requirements, wanted.served.requirements) ? [] : ['the requirements']),
    ...(isSame(published.provides, wanted.served.provides) ? [] : ['what it provides']),
    ...(wanted.served.depends === undefined || isSame(published.depends, wanted.served.depends)
      ? []
      : ['what it depends on']),
    ...(wanted.hasSamples && !published.hasGolden ? ['golden vectors, which the published one lacks'] : []),
  ];
  if (differences.length === 0) return;
  throw new CoveyError(
    'CONFLICT',
    `${published.model}@${published.version} is published already (number ${published.number}) and differs in ${differences.join(', ')}; versions never change, so push this as a new one`,
  );
}

function isSame(published: unknown, wanted: unknown): boolean {
  return canonicalJson(published ?? null) === canonicalJson(wanted ?? null);
}

function variantDifferences(
  { variants, files }: VersionDetail,
  wanted: VersionContents['variants'],
): string[] {
  const digests = new Map(files.map(({ path, sha256 }) => [path, sha256]));
  const names = new Set([...variants.map(({ name }) => name), ...Object.keys(wanted)]);
  return [...names].flatMap((name) => {
    const bytes = wanted[name];
    const digest = bytes && createHash('sha256').update(bytes).digest('hex');
    return digest !== undefined && digest === digests.get(`${name}.onnx`) ? [] : [`variant ${name}`];
  });
}
