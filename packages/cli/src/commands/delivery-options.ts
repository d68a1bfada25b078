import { CoveyError } from '@covey/protocol';
import type { Delivery } from '@covey/protocol/api';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { formatDuration } from '../terminal/table.ts';
import { durationOption } from './command.ts';

type Window = NonNullable<Delivery['windows']>[number];
type Scope = 'device' | 'site' | 'rollout';
type Allowance = Delivery[Scope];
type Limits = Partial<Record<Scope, Allowance>>;

export interface DeliveryOptions {
  window?: Window[];
  outsideWindows: Delivery['outsideWindows'];
  metered: Delivery['meteredLink'];
  whenDeltaFails: Delivery['whenDeltaFails'];
  vetoDeadline?: number;
  spread: number;
  limit?: Limits;
}

/** How a release comes to devices: options of `covey rollout start`. */
export function addDeliveryOptions(command: Command): Command {
  return command
    .option(
      '--window <days@start+duration>',
      "maintenance window on the device's clock, such as mon-fri@22:00+4h; may be repeated",
      addWindow,
    )
    .addOption(
      new Option('--outside-windows <what>', 'what is allowed outside of them')
        .choices(['nothing', 'download'])
        .default('nothing'),
    )
    .option(
      '--metered <what>',
      'what comes over a metered link: everything, nothing, deltas, or so much, such as 20MB',
      parseMetered,
      'everything' as const,
    )
    .addOption(
      new Option('--when-delta-fails <how>', 'whether the whole file comes then')
        .choices(['full', 'delta-only'])
        .default('full'),
    )
    .addOption(
      durationOption(
        '--veto-deadline <duration>',
        'how long `covey hold` on a device may hold it up; default: as it likes',
      ),
    )
    .addOption(durationOption('--spread <duration>', 'devices of a wave start spread over this time', '0s'))
    .option(
      '--limit <scope=amount>',
      'of a device, site or rollout: in all, a day or a second, such as device=50MB, site=1GB/day, rollout=2MB/s; may be repeated',
      addLimit,
    );
}

export function deliveryOf(options: DeliveryOptions): Partial<Delivery> {
  return {
    ...(options.window && { windows: options.window }),
    outsideWindows: options.outsideWindows,
    meteredLink: options.metered,
    whenDeltaFails: options.whenDeltaFails,
    ...(options.vetoDeadline !== undefined && { vetoDeadlineMs: options.vetoDeadline }),
    spreadMs: options.spread,
    ...options.limit,
  };
}

/** What of it holds anything back, in words; empty: nothing does. */
export function describeDelivery(delivery: Delivery): string[] {
  const { windows, outsideWindows, meteredLink, whenDeltaFails, vetoDeadlineMs, spreadMs } = delivery;
  const metered = typeof meteredLink === 'string' ? meteredLink : `up to ${sizeText(meteredLink.upToBytes)}`;
  const lines = [
    windows &&
      `only ${windows.map(windowText).join(', ')} on the device's clock${outsideWindows === 'download' ? '; downloads at any time' : ''}`,
    meteredLink !== 'everything' && `over metered links: ${metered}`,
    whenDeltaFails === 'delta-only' && 'no full download where a delta fails',
    vetoDeadlineMs !== undefined && `a hold on a device ends after ${formatDuration(vetoDeadlineMs)}`,
    spreadMs > 0 && `starts spread over ${formatDuration(spreadMs)}`,
    ...(['device', 'site', 'rollout'] as const).map((scope) => limitText(scope, delivery[scope])),
  ];
  return lines.filter((line): line is string => typeof line === 'string' && line !== '');
}

const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

function addWindow(text: string, before: Window[] = []): Window[] {
  const [, days = '', start = '', hours = '', unit] =
    /^([a-z,-]+)@((?:[01]\d|2[0-3]):[0-5]\d)\+(\d{1,4})(m|h)$/.exec(text) ?? [];
  const named = days.split(',').flatMap(daysOf);
  const durationMinutes = Number(hours) * (unit === 'h' ? 60 : 1);
  if (unit === undefined || named.some((day) => day === undefined))
    throw new InvalidArgumentError(
      'days, start and duration such as sat,sun@02:00+90m or mon-fri@22:00+4h are wanted',
    );
  return [...before, { days: [...new Set(named)] as Window['days'], start, durationMinutes }];
}

/** `mon`, `mon-fri`, `fri-mon`, `daily`. */
function daysOf(text: string): (Window['days'][number] | undefined)[] {
  if (text === 'daily') return [...weekdays];
  const [first = '', last = first] = text.split('-');
  const [from, to] = [first, last].map((day) => weekdays.indexOf(day as Window['days'][number]));
  if (from === undefined || to === undefined || from < 0 || to < 0) return [undefined];
  return Array.from({ length: ((to - from + 7) % 7) + 1 }, (_, at) => weekdays[(from + at) % 7]);
}

function windowText({ days, start, durationMinutes }: Window): string {
  return `${days.join(',')} ${start} for ${formatDuration(durationMinutes * 60_000)}`;
}

/** However they are written: KB is kB. */
const units: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
};

function parseSize(text: string, orElse = ''): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([kmg]?i?b)$/.exec(text.toLowerCase()) ?? [];
  const size = Number(number) * (units[unit] ?? Number.NaN);
  if (!Number.isSafeInteger(Math.round(size)))
    throw new InvalidArgumentError(`${orElse}a size such as 500kB, 20MB or 1GiB is wanted`);
  return Math.round(size);
}

function sizeText(bytes: number): string {
  const [unit, scale] = Object.entries({ GB: 1e9, MB: 1e6, kB: 1e3, B: 1 }).find(
    ([, size]) => bytes >= size,
  ) ?? ['B', 1];
  return `${Number((bytes / scale).toFixed(1))} ${unit}`;
}

function parseMetered(text: string): Delivery['meteredLink'] {
  const words = ['everything', 'nothing', 'deltas'] as const;
  return (
    words.find((word) => word === text) ?? { upToBytes: parseSize(text, 'everything, nothing, deltas or ') }
  );
}

function addLimit(text: string, before: Limits = {}): Limits {
  const [, scope, amount = '', per] = /^(device|site|rollout)=([^/]+)(?:\/(s|day))?$/.exec(text) ?? [];
  if (scope === undefined)
    throw new InvalidArgumentError('device, site or rollout and an amount, such as site=1GB/day, is wanted');
  const size = parseSize(amount);
  const allowance =
    per === 's' ? { bytesPerSecond: size } : per === 'day' ? { bytesPerDay: size } : { bytes: size };
  return { ...before, [scope]: { ...before[scope as Scope], ...allowance } };
}

function limitText(scope: Scope, { bytesPerSecond, bytesPerDay, bytes }: Allowance): string {
  const parts = [
    bytes === undefined ? '' : `${sizeText(bytes)} in all`,
    bytesPerDay === undefined ? '' : `${sizeText(bytesPerDay)} a day`,
    bytesPerSecond === undefined ? '' : `${sizeText(bytesPerSecond)}/s`,
  ].filter(Boolean);
  return parts.length === 0
    ? ''
    : `${scope === 'rollout' ? 'all devices' : `a ${scope}`}: ${parts.join(', ')}`;
}

/** For options of commands on devices. Errors: INVALID_ARGUMENT. */
export function sizeOption(text: string): number {
  return parseSize(text);
}

/** Errors: INVALID_ARGUMENT for what is no IANA time zone. */
export function timeZoneOption(text: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone;
  } catch (cause) {
    throw new CoveyError('INVALID_ARGUMENT', `${text} is no time zone such as Europe/Berlin`, { cause });
  }
}
