import type { Bundle } from '@covey/bundle';
import { MissingChunksAnswer, VersionView } from '@covey/protocol/api';
import type { Client } from '../client/client.ts';

/** Chunks asked about in one request; the API takes 10,000. */
const chunksPerQuestion = 5_000;

/** Uploads the chunks that the controller does not hold, then the signed envelope. Safe to repeat after any failure. */
export async function publishBundle(
  client: Client,
  bundle: Bundle,
  onProgress: (text: string) => void,
): Promise<VersionView> {
  const digests = [...bundle.chunks.keys()];
  const missing: string[] = [];
  for (let at = 0; at < digests.length; at += chunksPerQuestion) {
    const body = { chunks: digests.slice(at, at + chunksPerQuestion) };
    missing.push(
      ...(await client.call({ method: 'POST', path: '/chunks/missing', body, answer: MissingChunksAnswer }))
        .missing,
    );
  }
  for (const [index, sha256] of missing.entries()) {
    const bytes = bundle.chunks.get(sha256);
    if (bytes) await client.putChunk(sha256, bytes);
    if ((index + 1) % 64 === 0) onProgress(`uploaded ${index + 1} of ${missing.length} chunks`);
  }
  return client.call({
    method: 'POST',
    path: `/models/${encodeURIComponent(bundle.manifest.model)}/versions`,
    body: JSON.parse(new TextDecoder().decode(bundle.envelope)),
    answer: VersionView,
  });
}
