/** A runtime whose library ends the process that loads it. */
process.kill(process.pid, 'SIGSEGV');
