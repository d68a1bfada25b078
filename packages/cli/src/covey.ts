import { agentCommand } from './commands/agent.ts';
import { controllerCommand } from './commands/controller.ts';
import { deviceCommand } from './commands/device.ts';
import { enrollCommand } from './commands/enroll.ts';
import { inferCommand } from './commands/infer.ts';
import { modelCommand } from './commands/model.ts';
import { rollbackCommand } from './commands/rollback.ts';
import { rolloutCommand } from './commands/rollout.ts';
import { summaryCommand } from './commands/summary.ts';
import { tokenCommand } from './commands/token.ts';
import { trustCommand } from './commands/trust.ts';
import { upCommand } from './commands/up.ts';
import { whyCommand } from './commands/why.ts';
import { createProgram, runProgram } from './program.ts';

await runProgram(
  createProgram('Runs quantized ONNX models on fleets of edge devices and keeps them right', [
    upCommand(),
    controllerCommand(),
    agentCommand(),
    enrollCommand(),
    trustCommand(),
    tokenCommand(),
    modelCommand(),
    rolloutCommand(),
    rollbackCommand(),
    deviceCommand(),
    summaryCommand(),
    whyCommand(),
    inferCommand(),
  ]),
  process.argv.slice(2),
);
