import { agentCommand } from './commands/agent.ts';
import { deviceBundleCommand } from './commands/bundle-install.ts';
import { doctorCommand } from './commands/doctor.ts';
import { enrollCommand } from './commands/enroll.ts';
import { holdCommand, networkCommand } from './commands/hold.ts';
import { inferCommand } from './commands/infer.ts';
import { inferenceTokenCommand } from './commands/inference-token.ts';
import { profileCommand } from './commands/profile.ts';
import { proxyCommand } from './commands/proxy.ts';
import { selftestCommand } from './commands/selftest.ts';
import { createProgram, runProgram } from './program.ts';

/** The command as devices carry it: what a device needs, without the controller. */
await runProgram(
  createProgram('Covey on a device', [
    enrollCommand(),
    agentCommand(),
    selftestCommand(),
    proxyCommand(),
    doctorCommand(),
    deviceBundleCommand(),
    holdCommand(),
    networkCommand(),
    inferCommand(),
    profileCommand(),
    inferenceTokenCommand(),
  ]),
  process.argv.slice(2),
);
