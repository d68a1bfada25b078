import { startTestFleet } from './harness.ts';

const t = performance.now();
const f = await startTestFleet(1);
console.log(f.data, f.agents[0]!.ready, (performance.now() - t) | 0);
process.on('SIGTERM', () => f.stop().then(() => process.exit()));
setInterval(() => {}, 1000);
