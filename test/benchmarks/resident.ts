import { readFileSync } from 'node:fs';

/** Proportional set size of a process, in megabytes (Linux, proc(5), smaps_rollup): pages shared by n processes count 1/n. */
export function proportionalSetSizeMb(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const kibibytes = /^Pss:\s+(\d+) kB$/m.exec(rollup)?.[1];
  if (kibibytes === undefined) throw new Error(`process ${pid} has no Pss`);
  return (Number(kibibytes) * 1_024) / 1e6;
}

export function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.trim().split(' ').filter(Boolean).map(Number);
}
