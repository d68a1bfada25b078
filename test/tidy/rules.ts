import { isTest, type Source } from './sources.ts';
import type { Finding } from './syntax.ts';

/** Reads the environment to hand Node's own variables to a child process; nothing is configured by it. */
const environmentOfChildren = 'packages/ports/src/real/processes.ts';

/** Whether a finding is against the rules in this file. */
export function isForbidden(path: string, { rule }: Finding): boolean {
  if (rule === 'environment variable')
    return !isTest(path) && !path.startsWith('packages/cli/') && path !== environmentOfChildren;
  if (rule === 'default export') return !/\.config\.[cm]?tsx?$/.test(path);
  if (rule === 'module-level let') return !/\.test\.tsx?$/.test(path);
  return true;
}

const vagueWord = /(?:^|[-._/])(?:utils?|common|helpers?|misc)(?:[-._/]|$)/i;

/** Whether a file or folder is named by a word that says nothing of what is in it. */
export function isVaguelyNamed(path: string): boolean {
  return vagueWord.test(path);
}

const privatePath = /(?:^|[^\w.])(?:\/(?:home|Users)\/[\w.-]+\/|\/(?:work|root)\/\w|[A-Z]:\\Users\\)/;

/** Lines that name a folder as only a developer's machine has it. */
export function privatePathLines({ path, text }: Source): string[] {
  return text
    .split('\n')
    .flatMap((line, index) => (privatePath.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : []));
}
