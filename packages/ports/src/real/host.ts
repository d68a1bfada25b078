import { readFile } from 'node:fs/promises';
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
import type { Host } from '../ports.ts';

const pageBytes = 4096;
/** USER_HZ: the unit of utime and stime in /proc/<pid>/stat, 100 on every Linux that Covey supports (proc(5)). */
const ticksPerSecond = 100;

/** This machine, from node:os and, on Linux, /proc. Each call of this makes an observer with its own "since the last call". */
export function systemHost(): Host {
  let last = { atMs: performance.now(), cpuMs: cpuMsOf(process.cpuUsage()), childCpuMs: 0 };
  return {
    describe: () => ({
      os: platform(),
      arch: arch(),
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
      memoryBytes: totalmem(),
      timeZone: Temporal.Now.timeZoneId(),
    }),
    usage: async (pid) => {
      const child = pid === null ? undefined : await usageOfProcess(pid);
      const now = {
        atMs: performance.now(),
        cpuMs: cpuMsOf(process.cpuUsage()),
        childCpuMs: child?.cpuMs ?? 0,
      };
      // A new child counts from zero, so its share may not go below zero.
      const usedMs = now.cpuMs - last.cpuMs + Math.max(0, now.childCpuMs - last.childCpuMs);
      const cpu = usedMs / Math.max(1, now.atMs - last.atMs);
      last = now;
      return { rssBytes: process.memoryUsage.rss(), childRssBytes: child?.rssBytes ?? null, cpu };
    },
    memory: async (pid) => ({
      residentBytes: (await usageOfProcess(pid))?.rssBytes ?? null,
      freeBytes: process.availableMemory(),
    }),
  };
}

function cpuMsOf(usage: NodeJS.CpuUsage): number {
  return (usage.user + usage.system) / 1000;
}

async function usageOfProcess(pid: number): Promise<{ rssBytes: number; cpuMs: number } | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // The process has ended, or this is no Linux: either way there is nothing to say about it.
    return undefined;
  }
  // The second field, the name, may hold anything but ends at the last parenthesis; field 3 follows it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { rssBytes: Number(fields[21]) * pageBytes, cpuMs: (ticks * 1000) / ticksPerSecond };
}
