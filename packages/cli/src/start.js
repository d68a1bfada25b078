/*
 * Where `npm run covey` and `npm start` begin: JavaScript that any Node reads, since one that is too old for the rest must be able
 * to say so. `npm run` finds Node 26 in node_modules only after it was set up there.
 */
import { existsSync } from 'node:fs';

const isSetUp = existsSync(new URL('../node_modules', import.meta.url));
if (Number(process.versions.node.split('.')[0]) < 26 || !isSetUp) {
  const found = isSetUp ? '' : ', and here nothing is set up yet';
  process.stderr.write(
    `covey: it needs Node 26 or newer, this is Node ${process.versions.node}${found}.\n` +
      'Run `npm start`, or `npm run setup` alone: it fetches Node 26 and all else into this folder, and leaves the Node of this machine as it is.\n' +
      'Where that fetches no Node (linux-x64, linux-arm64, darwin-arm64 have one), install Node 26 yourself.\n',
  );
  process.exitCode = 1;
} else {
  await import('./main.ts');
}
