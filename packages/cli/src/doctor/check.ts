import type { IdentityStore, Standing } from '@covey/agent';
import type { HttpProxy, Network } from '@covey/ports/network';
import { type ErrorCode, toCoveyError } from '@covey/protocol';

/** What a check found, in the user's words. A warning is something to know of that stops nothing now. */
export interface Finding {
  status: 'ok' | 'warning' | 'failed' | 'skipped';
  message: string;
  /** What to do about it. */
  remedy?: string;
  code?: ErrorCode;
}

/** The device under examination. Earlier checks fill in what later ones stand on. */
export interface Patient {
  folder: string;
  /** Where the inference API is to listen. */
  ports: readonly number[];
  /** Entry of the process that tries ONNX Runtime: a file URL. */
  probeModule: string;
  /** An agent uses the folder now. */
  isRunning: boolean;
  store?: IdentityStore;
  proxy?: HttpProxy;
  network?: Network;
  standing?: Standing;
}

export interface Check {
  name: string;
  run(patient: Patient): Promise<Finding>;
}

export type Report = (Finding & { name: string })[];

export const ok = (message: string): Finding => ({ status: 'ok', message });
export const skipped = (message: string): Finding => ({ status: 'skipped', message });
export const warning = (message: string, remedy: string): Finding => ({
  status: 'warning',
  message,
  remedy,
});
export const failed = (message: string, remedy: string, code?: ErrorCode): Finding => ({
  status: 'failed',
  message,
  remedy,
  ...(code && { code }),
});

/** Runs the checks in order. An error is a finding with its code and remedy; what stands on it is skipped by itself. */
export async function examine(
  patient: Patient,
  checks: readonly Check[],
  onFinding: (finding: Report[number]) => void,
): Promise<Report> {
  const report: Report = [];
  for (const { name, run } of checks) {
    const finding = { name, ...(await run(patient).catch(findingOf)) };
    report.push(finding);
    onFinding(finding);
  }
  return report;
}

function findingOf(thrown: unknown): Finding {
  const { code, message, remedy } = toCoveyError(thrown);
  return { status: 'failed', code, message, remedy };
}
