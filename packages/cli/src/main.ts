#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

/*
 * Compiled code is kept between runs, here and, by the environment, in every process started from here: it halves the time
 * a command takes to start. The folder is the user's own, because whoever can write to it can make us run their code.
 */
process.env.NODE_COMPILE_CACHE ??= join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'covey');
enableCompileCache();
await import('./covey.ts');
