import { CoveyError } from '@covey/protocol';
import { type Delivery, RolloutPreview } from '@covey/protocol/api';
import type { Client } from '../client/client.ts';
import { formatBytes } from '../inspect/figures.ts';
import { formatTable } from '../terminal/table.ts';

/**
 * What a rollout would bring over the network. Where transfers have to be made, the controller is asked again, `tries` times
 * in all, and waits `waitMs` each time. Errors: those of the API; TRANSFER_PENDING when they are not made by then.
 */
export async function previewOf(
  client: Client,
  request: { model: string; version: string; selector: string },
  { tries, waitMs, onWait }: { tries: number; waitMs: number; onWait?: (text: string) => void },
): Promise<RolloutPreview> {
  for (let tried = 1; ; tried++) {
    try {
      return await client.call({
        method: 'POST',
        path: '/rollouts/preview',
        body: { ...request, waitMs },
        answer: RolloutPreview,
      });
    } catch (error) {
      if (!(error instanceof CoveyError) || error.code !== 'TRANSFER_PENDING' || tried >= tries) throw error;
      onWait?.('the controller is making the transfers, about 5 MB of model a second');
    }
  }
}

/** One line of a preview. */
export function summarizePreview({ model, version, wireBytes, devices }: RolloutPreview): string {
  return `${model}@${version} brings ${formatBytes(wireBytes)} to ${count(devices)}`;
}

/** What no device can bring home with what it may fetch in all, or undefined: such a rollout would be put off for ever. */
export function unreachable(
  { classes }: RolloutPreview,
  { device }: Pick<Delivery, 'device'>,
): string | undefined {
  const most = Math.max(0, ...classes.map(({ bytesPerDevice }) => bytesPerDevice));
  if (device.bytes === undefined || most <= device.bytes) return undefined;
  return `a device may fetch ${formatBytes(device.bytes)}, and ${formatBytes(most)} are to come: it is put off until somebody starts it with more`;
}

/** A table of classes and files, and the sums. */
export function describePreview(preview: RolloutPreview): string {
  const rows = preview.classes.flatMap(({ hardware, from, devices, files, bytesPerDevice }) => [
    [hardware ?? 'never connected', String(devices), from ?? 'none', '', formatBytes(bytesPerDevice)],
    ...(bytesPerDevice > 0 ? [['', '', '', 'manifest', formatBytes(preview.manifestBytes)]] : []),
    ...files.map((file) => ['', '', '', `${file.path}: ${wayOf(file)}`, formatBytes(file.wireBytes)]),
  ]);
  const sites = preview.sites.map(
    ({ site, devices, wireBytes }) => `${site ?? 'no site'}: ${formatBytes(wireBytes)} to ${count(devices)}`,
  );
  return [
    summarizePreview(preview),
    formatTable(['hardware', 'devices', 'serves', 'file', 'bytes each'], rows),
    ...sites,
  ].join('\n');
}

function wayOf({ how, from, sizeBytes }: RolloutPreview['classes'][number]['files'][number]): string {
  if (how === 'here') return 'is there already';
  const whole = `of ${formatBytes(sizeBytes)}`;
  if (how === 'chunks') return from === null ? `whole, ${whole}` : `chunks that ${from} lacks, ${whole}`;
  return from === null ? `compressed, ${whole}` : `from ${from}, ${whole}`;
}

function count(devices: number): string {
  return devices === 1 ? '1 device' : `${devices} devices`;
}
