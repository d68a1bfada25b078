declare module 'parse-prometheus-text-format' {
  /** Families of a text in the exposition format. */
  export default function parse(text: string): unknown;
}
