import type { RolloutView } from '@covey/protocol/api';
import type { Output } from '../terminal/output.ts';
import { formatTable } from '../terminal/table.ts';
import type { FeederFigures } from './feeder.ts';

export interface DeviceLine extends FeederFigures {
  device: string;
  /** `online`, `offline`, or that the controller is away and cannot tell. */
  link: string;
  state: string;
}

/** What there is to see of the fleet at one moment. */
export interface Scene {
  devices: DeviceLine[];
  rollout: RolloutView | undefined;
  url: string;
}

export interface View {
  /** Something happened: stays on the screen. */
  tell(event: Record<string, unknown> & { event: string }, text: string): void;
  /** How things are now: on a terminal redrawn in place, else a line per device now and then. */
  show(scene: Scene): void;
  close(): void;
}

/** Without a terminal, how often the figures are written. */
const plainIntervalMs = 5_000;

export function createView(output: Output): View {
  if (output.json) return jsonView();
  return output.isTerminal ? terminalView(output) : plainView();
}

function jsonView(): View {
  const write = (document: object) => process.stdout.write(`${JSON.stringify(document)}\n`);
  const due = every(plainIntervalMs);
  return {
    tell: (event) => write({ at: Date.now(), ...event }),
    show: ({ devices }) => due() && write({ at: Date.now(), event: 'devices', devices }),
    close: () => {},
  };
}

function plainView(): View {
  const due = every(plainIntervalMs);
  return {
    tell: (_event, text) => process.stdout.write(`${text}\n`),
    show: ({ devices }) => {
      if (due()) for (const device of devices) process.stdout.write(`  ${cells(device).join('  ')} errors\n`);
    },
    close: () => {},
  };
}

function every(intervalMs: number): () => boolean {
  let last = Number.NEGATIVE_INFINITY;
  return () => {
    const now = performance.now();
    if (now - last < intervalMs) return false;
    last = now;
    return true;
  };
}

/** Events scroll up; the block with the figures stays below them. */
function terminalView(output: Output): View {
  let drawnLines = 0;
  let last: Scene | undefined;
  const erase = () => {
    if (drawnLines > 0) process.stdout.write(`\x1b[${drawnLines}A\x1b[J`);
    drawnLines = 0;
  };
  const draw = (scene: Scene) => {
    const lines = render(scene, output);
    process.stdout.write(`${lines.join('\n')}\n`);
    drawnLines = lines.length;
  };
  return {
    tell: (_event, text) => {
      erase();
      process.stdout.write(`${text}\n`);
      if (last) draw(last);
    },
    show: (scene) => {
      last = scene;
      erase();
      draw(scene);
    },
    close: () => {
      erase();
      last = undefined;
    },
  };
}

function render(scene: Scene, output: Output): string[] {
  const rows = scene.devices.map((device) => {
    const row = cells(device);
    row[1] = output.style(device.link === 'online' ? 'green' : 'yellow', row[1] ?? '');
    if (device.errors > 0) row[7] = output.style('red', row[7] ?? '');
    return row;
  });
  const headers = ['device', 'link', 'serves', 'state', 'inferences', 'p50', 'p99', 'errors'];
  const width = process.stdout.columns;
  const lines = [
    '',
    ...formatTable(headers, rows).split('\n'),
    rolloutLine(scene.rollout, output),
    output.style('dim', `${scene.url}/docs   Ctrl-C stops`),
  ];
  // A line that wraps would throw off the count of lines to erase.
  return lines.map((line) => (line.length > width && !line.includes('\x1b') ? line.slice(0, width) : line));
}

function cells(device: DeviceLine): string[] {
  return [
    device.device,
    device.link,
    device.version === null ? 'nothing yet' : `bearing@${device.version} ${device.variant}`,
    device.state,
    `${device.perSecond.toFixed(1)}/s`,
    device.p50Ms === null ? '-' : `${device.p50Ms.toFixed(1)} ms`,
    device.p99Ms === null ? '-' : `${device.p99Ms.toFixed(1)} ms`,
    String(device.errors),
  ];
}

function rolloutLine(rollout: RolloutView | undefined, output: Output): string {
  if (!rollout) return output.style('dim', 'no rollout');
  const waves = rollout.waves.map((wave) => {
    const colours = {
      waiting: 'dim',
      moving: 'cyan',
      passed: 'green',
      accepted: 'green',
      inconclusive: 'yellow',
      failed: 'red',
    } as const;
    return output.style(
      colours[wave.state],
      `${wave.state} (${wave.devices.map(({ device }) => device).join(' ')})`,
    );
  });
  return `rollout ${rollout.plan.model}@${rollout.plan.version} ${rollout.state}: ${waves.join(' > ')}`;
}
