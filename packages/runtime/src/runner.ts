import { writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { runnerChannelFd, serveModels } from './execution/index.ts';

/** Entry of the process that runs models for tools: requests in, one answer each, in order. A crash here harms no tool. */
const socket = new Socket({ fd: runnerChannelFd });
serveModels(socket);
// Without the tool nobody reads the answers.
socket.once('close', () => process.exit());
// Ctrl-C reaches the whole group of a terminal; what it means is the tool's decision.
process.on('SIGINT', () => {});
// When memory is short, this process ends before the tool does.
if (process.platform === 'linux') writeFileSync('/proc/self/oom_score_adj', '1000');
