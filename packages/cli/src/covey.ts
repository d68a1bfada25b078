import type { Command } from 'commander';
import { createProgram, runProgram } from './program.ts';

/** Each command in a module of its own: one that is named is loaded alone, which halves the time it takes to start. */
const commands = new Map<string, () => Promise<Command>>([
  ['up', async () => (await import('./commands/up.ts')).upCommand()],
  ['controller', async () => (await import('./commands/controller.ts')).controllerCommand()],
  ['agent', async () => (await import('./commands/agent.ts')).agentCommand()],
  ['enroll', async () => (await import('./commands/enroll.ts')).enrollCommand()],
  ['authority', async () => (await import('./commands/authority.ts')).authorityCommand()],
  ['doctor', async () => (await import('./commands/doctor.ts')).doctorCommand()],
  ['proxy', async () => (await import('./commands/proxy.ts')).proxyCommand()],
  ['key', async () => (await import('./commands/key.ts')).keyCommand()],
  ['trust', async () => (await import('./commands/trust.ts')).trustCommand()],
  ['inference-token', async () => (await import('./commands/inference-token.ts')).inferenceTokenCommand()],
  ['token', async () => (await import('./commands/token.ts')).tokenCommand()],
  ['model', async () => (await import('./commands/model.ts')).modelCommand()],
  ['bundle', async () => (await import('./commands/bundle.ts')).bundleCommand()],
  ['software', async () => (await import('./commands/software.ts')).softwareCommand()],
  ['selftest', async () => (await import('./commands/selftest.ts')).selftestCommand()],
  ['rollout', async () => (await import('./commands/rollout.ts')).rolloutCommand()],
  ['rollback', async () => (await import('./commands/rollback.ts')).rollbackCommand()],
  ['device', async () => (await import('./commands/device.ts')).deviceCommand()],
  ['link', async () => (await import('./commands/link.ts')).linkCommand()],
  ['summary', async () => (await import('./commands/summary.ts')).summaryCommand()],
  ['why', async () => (await import('./commands/why.ts')).whyCommand()],
  ['profile', async () => (await import('./commands/profile.ts')).profileCommand()],
  ['hold', async () => (await import('./commands/hold.ts')).holdCommand()],
  ['network', async () => (await import('./commands/hold.ts')).networkCommand()],
  ['infer', async () => (await import('./commands/infer.ts')).inferCommand()],
]);

const words = process.argv.slice(2);
// Without a name that is known, all are listed, or the nearest is suggested.
const named = commands.get(words[0] ?? '');
await runProgram(
  createProgram(
    'Runs quantized ONNX models on fleets of edge devices and keeps them right',
    await Promise.all((named ? [named] : [...commands.values()]).map((load) => load())),
  ),
  words,
);
