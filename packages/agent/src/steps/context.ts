import type { Ports } from '@covey/ports';
import type { DeviceRoute } from '@covey/protocol';
import type { BundleStore } from '../bundles/index.ts';
import type { DeliveryOptions } from '../delivery/index.ts';
import type { Downloader } from '../download/index.ts';
import type { Step, StepKind } from '../plan/index.ts';
import type { Supervisor } from '../runtime/index.ts';
import type { Software } from '../software/index.ts';
import type { Trust } from '../trust/index.ts';
import type { Update, UpdateEvent } from '../update/index.ts';
import type { FoundProviders } from './providers.ts';

/** What executors work with. */
export interface StepContext {
  ports: Pick<Ports, 'clock' | 'disk' | 'processes' | 'log' | 'random'>;
  store: BundleStore;
  trust: Trust;
  downloader: Downloader;
  delivery: DeliveryOptions;
  supervisor: Supervisor;
  /** Null: this agent was not started by the launcher and cannot change its own software. */
  software: Software | null;
  providers: FoundProviders;
  /** Where what the probe measured is kept. */
  stateFolder: string;
  /** File URL of the probe's entry. */
  probeModule: string;
  /** Of this device's own settings. */
  routes: readonly DeviceRoute[];
  /** The state that the step is for, and ledger time. */
  update: () => Update;
  now: () => number;
  cancelWork: () => void;
}

/** Does one step and says what came of it; null: nothing that the update machine asks about. */
export type Executor<K extends StepKind> = (
  step: Extract<Step, { kind: K }>,
  context: StepContext,
  signal: AbortSignal,
) => Promise<UpdateEvent | null>;
