import { systemHost } from '@covey/ports';
import type { EvaluationReport } from '@covey/protocol';
import { runtimeName } from '@covey/runtime';

/** What measurements here are true of. */
export function thisMachine(threads: number): EvaluationReport['machine'] {
  const { cpu, cores, os, arch } = systemHost().describe();
  return { cpu, cores, platform: `${os}-${arch}`, runtime: runtimeName(), provider: 'cpu', threads };
}
