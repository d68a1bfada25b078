import { codecVersion, headerBytesOf, headerGuessBytes, openTransfer } from '@covey/bundle/transfer';
import type { Disk } from '@covey/ports';
import { type BundleFile, CoveyError } from '@covey/protocol';
import type { BundleStore } from '../bundles/index.ts';
import type { Passage } from '../delivery/index.ts';
import type { Missing, Offer } from './route.ts';
import type { Source } from './source.ts';

/** Where a transfer is fetched, and what it is called on this device. */
export function transferPath(file: BundleFile, base: BundleFile | undefined): string {
  return `/transfers/${file.sha256}${base ? `?from=${base.sha256}` : ''}`;
}

export function transferName(file: BundleFile, base: BundleFile | undefined): string {
  return `${file.sha256}/${base?.sha256 ?? ''}`;
}

/** In `BundleStore.arrivalPath`: what is kept of a transfer belongs to one base and one version of the codec. */
export function arrivalName(base: BundleFile | undefined, part: string): string {
  return `${base?.sha256.slice(0, 16) ?? 'nothing'}-${codecVersion}.${part}`;
}

/**
 * The transfers that the controller has for a file: the one from what lies here, or, where there is none, the one from
 * nothing. None that failed before. Errors: those of `Source`, but NOT_FOUND.
 */
export async function offersFor(
  context: { disk: Disk; store: BundleStore; source: Source; passage: Passage },
  missing: Missing,
): Promise<Offer[]> {
  const bases = missing.base ? [missing.base, undefined] : [undefined];
  for (const base of bases) {
    if (context.passage.hasFailed(transferName(missing.file, base))) continue;
    const offer = await offerFrom(context, missing.file, base);
    if (offer) return [offer];
  }
  return [];
}

async function offerFrom(
  { disk, store, source, passage }: { disk: Disk; store: BundleStore; source: Source; passage: Passage },
  file: BundleFile,
  base: BundleFile | undefined,
): Promise<Offer | undefined> {
  const path = store.arrivalPath(file, arrivalName(base, 'head'));
  const kept = await disk.read(path);
  try {
    const head = kept ?? (await fetchHead(source, transferPath(file, base)));
    const transfer = openTransfer(head, file, base?.sizeBytes ?? 0);
    if (!kept) await disk.write(path, head);
    return { base, transfer, head };
  } catch (error) {
    if (!(error instanceof CoveyError)) throw error;
    if (error.code === 'NOT_FOUND') return undefined;
    if (error.code !== 'BUNDLE_CORRUPT') throw error;
    // What was kept may be of another time; what has just come is no good, and would be none the next time.
    if (kept) await disk.remove(path);
    else await passage.noteFailed(transferName(file, base));
    return undefined;
  }
}

async function fetchHead(source: Source, resource: string): Promise<Uint8Array> {
  let head = new Uint8Array(0);
  const upTo = async (end: number) => {
    while (head.byteLength < end) {
      const before = head.byteLength;
      await source.stream(resource, before, end, async (part) => {
        head = Buffer.concat([head, part]);
      });
      if (head.byteLength === before) return;
      // The whole transfer may be shorter than the guess.
      if (end === headerGuessBytes && head.byteLength >= headerBytesOf(head)) return;
    }
  };
  await upTo(headerGuessBytes);
  await upTo(headerBytesOf(head));
  return head;
}
