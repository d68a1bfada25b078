import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Forgets the peak of this process's resident memory where the system can (Linux: "5" to /proc/self/clear_refs, proc(5)), so
 * that what starting took hides nothing. Answers the bytes resident now, or else the peak that could not be forgotten.
 */
export function restartPeak(): number {
  if (process.platform !== 'linux') return peakResidentBytes();
  writeFileSync('/proc/self/clear_refs', '5');
  return process.memoryUsage.rss();
}

/** Most bytes that were resident at a time, since the start or since `restartPeak`. */
export function peakResidentBytes(): number {
  const highWater =
    process.platform === 'linux'
      ? /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))
      : null;
  return Number(highWater?.[1] ?? process.resourceUsage().maxRSS) * 1024;
}
