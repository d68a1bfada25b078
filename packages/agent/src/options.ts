import type { CoveyError, Reported } from '@covey/protocol';
import type { LinkState } from './link/index.ts';
import type { SupervisorSettings, SupervisorStatus } from './runtime/index.ts';
import type { SoftwareTools } from './software/index.ts';

export interface AgentOptions {
  /** The device's data folder, enrolled. */
  folder: string;
  agentVersion: string;
  /** File URLs of the entries of runtime and probe. */
  runtimeModule: string;
  probeModule: string;
  /** Where the inference API listens. */
  inference: SupervisorSettings['inference'];
  observing?: SupervisorSettings['observing'];
  /** What this device has of resources, and how requests go to the versions it holds. */
  serving?: SupervisorSettings['serving'];
  /** A second runtime process takes over when the first dies, where memory allows. */
  warmSpare: boolean;
  /** Whether the link costs by the byte, where the folder has no `network.json`. */
  isMetered?: boolean;
  /** IANA name; absent: that of the machine. */
  timeZone?: string;
  /** Largest size of all bundles on the disk; absent: as much as it has. */
  bundleQuotaBytes?: number;
  /** What is read of them in a day to find what the disk has lost; absent: 1 GB. */
  scrubBytesPerDay?: number;
  /** Absent: nobody would start other software in this one's place. */
  software?: SoftwareTools;
  intervals: { metricsMs: number; summaryMs: number; telemetryFlushMs: number };
}
export interface AgentStatus {
  /** Null: not known any more, see `lost`. */
  deviceId: string | null;
  bootId: string;
  link: LinkState;
  /** Why no controller is contacted: both copies of the identity are damaged. Null: they are not. */
  lost: CoveyError | null;
  /** As it is reported to the controller. */
  reported: Reported;
  runtime: SupervisorStatus;
  outbox: { messages: number; bytes: number };
}
export interface Agent {
  /** Errors: DATA_FOREIGN, DATA_NEWER, DATA_CORRUPT (not for a damaged identity: it serves without a controller then); NOT_FOUND when the folder was never enrolled. */
  start(): Promise<void>;
  /** Lets the runtime finish what it runs, writes what is in memory, leaves the controller in peace. */
  stop(): Promise<void>;
  /** Undefined before `start` and after `stop`. */
  status(): AgentStatus | undefined;
}
