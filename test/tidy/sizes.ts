/** Largest sizes allowed, in lines. What is larger today is recorded in ratchet.json and may only shrink. */
export const sizeLimits = { fileLines: 300, functionLines: 60 } as const;

/** Lines by name of file, or by file and function. */
export type Sizes = Readonly<Record<string, number>>;

/** What keeps the ratchet from holding, each with the edit that puts it right. */
export function ratchetFaults(measured: Sizes, recorded: Sizes, limit: number): string[] {
  const faults: string[] = [];
  for (const [name, lines] of Object.entries(measured)) {
    const allowed = recorded[name];
    if (lines > (allowed ?? limit)) {
      const before = allowed === undefined ? `the limit is ${limit}` : `it had ${allowed}`;
      faults.push(`${name} has ${lines} lines, ${before}: split it`);
    }
  }
  for (const [name, allowed] of Object.entries(recorded)) {
    const lines = measured[name] ?? 0;
    if (lines <= limit) faults.push(`${name} is within the limit now: remove its line from ratchet.json`);
    else if (lines < allowed) faults.push(`${name} shrank: set it to ${lines} in ratchet.json`);
  }
  return faults;
}

/** The record with everything that shrank taken in; what grew or is new stays out, so that it still fails. */
export function tightened(measured: Sizes, recorded: Sizes, limit: number): Sizes {
  return Object.fromEntries(
    Object.entries(recorded)
      .map(([name, allowed]) => [name, Math.min(allowed, measured[name] ?? 0)] as const)
      .filter(([, lines]) => lines > limit),
  );
}

/** The largest of all, in words. */
export function largest(measured: Sizes): string {
  const [first] = Object.entries(measured).sort(([, a], [, b]) => b - a);
  return first ? `largest: ${first[0]}, ${first[1]} lines` : 'nothing measured';
}
