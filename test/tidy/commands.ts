/** What the fenced blocks of a Markdown text call: npm scripts, and commands of `npm run covey -- <command>`. */
export interface ShownCommands {
  scripts: string[];
  covey: string[][];
}

const npmCall = /\bnpm (?:(start|test)\b|run (?:(?:-s|--silent) )?([\w:-]+)(?: -- ([^|&;\n]*))?)/g;

/** The commands in the fenced blocks of `markdown`; of a covey command the words before its first option or argument. */
export function commandsIn(markdown: string): ShownCommands {
  const shown: ShownCommands = { scripts: [], covey: [] };
  for (const block of markdown.matchAll(/^```[^\n]*\n(.*?)^```/gms)) {
    const text = (block[1] ?? '').replace(/(?:^|\s)#.*$/gm, '');
    for (const [, lifecycle, script, rest] of text.matchAll(npmCall)) {
      shown.scripts.push(lifecycle ?? script ?? '');
      if (script === 'covey') shown.covey.push(commandWords(rest ?? ''));
    }
  }
  return shown;
}

function commandWords(text: string): string[] {
  const words = text.trim().split(/\s+/);
  const end = words.findIndex((word) => !/^[a-z][a-z-]*$/.test(word));
  return (end === -1 ? words : words.slice(0, end)).filter(Boolean);
}
