import type { Bundle } from '@covey/bundle';
import { listVersion, type Signer } from '@covey/bundle/tuf';
import { CoveyError } from '@covey/protocol';
import { MissingChunksAnswer, VersionView } from '@covey/protocol/api';
import type { Client } from '../client/client.ts';
import { readInForce } from './trust.ts';

/** Chunks asked about in one request; the API takes 10,000. */
const chunksPerQuestion = 5_000;
/** Others may publish at the same time; each time one of all gets through. */
const maxRebases = 20;

/**
 * Uploads the chunks that the controller does not hold, then the manifest with the metadata that lists it, signed. When
 * somebody else has published meanwhile, it is signed again on top of that. Safe to repeat after any failure.
 */
export async function publishBundle(
  client: Client,
  bundle: Bundle,
  signers: readonly Signer[],
  onProgress: (text: string) => void,
): Promise<VersionView> {
  await uploadChunks(client, bundle, onProgress);
  for (let attempt = 1; ; attempt++) {
    try {
      return await publishSigned(client, bundle, signers);
    } catch (error) {
      const isConflict = error instanceof CoveyError && error.code === 'TRUST_CONFLICT';
      if (!isConflict || attempt >= maxRebases) throw error;
      onProgress('somebody else has published meanwhile: signing again on top of it');
    }
  }
}

async function publishSigned(
  client: Client,
  { manifest, manifestBytes }: Bundle,
  signers: readonly Signer[],
): Promise<VersionView> {
  const { model, version, securityCounter } = manifest;
  const target = { model, version, manifestBytes, securityCounter };
  const targets = await listVersion(await readInForce(client), target, signers, Date.now());
  return client.call({
    method: 'POST',
    path: `/models/${encodeURIComponent(model)}/versions`,
    body: { manifest, targets },
    answer: VersionView,
  });
}

async function uploadChunks(
  client: Client,
  { chunks }: Bundle,
  onProgress: (text: string) => void,
): Promise<void> {
  const digests = [...chunks.keys()];
  const missing: string[] = [];
  for (let at = 0; at < digests.length; at += chunksPerQuestion) {
    const body = { chunks: digests.slice(at, at + chunksPerQuestion) };
    missing.push(
      ...(await client.call({ method: 'POST', path: '/chunks/missing', body, answer: MissingChunksAnswer }))
        .missing,
    );
  }
  for (const [index, sha256] of missing.entries()) {
    const bytes = chunks.get(sha256);
    if (bytes) await client.putChunk(sha256, bytes);
    if ((index + 1) % 64 === 0) onProgress(`uploaded ${index + 1} of ${missing.length} chunks`);
  }
}
