import { stripVTControlCharacters } from 'node:util';

/** Control characters but the line's end, and those that turn the direction of writing. */
const unseen = /[^\P{Cc}\n]|[\u202a-\u202e\u2066-\u2069]/gu;
const introducer = '\x1b';
/** What `style` of Output puts around words: bold, dim and colours. */
const styles = new RegExp(`(${introducer}\\[(?:[0-2]|22|3\\d|9[0-7])m)`);

/** A text of strangers (names in a model, words of another program) without what could play tricks on a terminal. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text).replace(unseen, ' ');
}

/** The same for a text whose styles are ours. */
export function plainStyled(text: string): string {
  return text
    .split(styles)
    .map((part, index) => (index % 2 === 0 ? plainText(part) : part))
    .join('');
}

/** JSON in which nothing is left that a terminal obeys: of those, JSON itself escapes only the ASCII ones. */
export function plainJson(document: unknown): string {
  return JSON.stringify(document).replace(
    unseen,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
