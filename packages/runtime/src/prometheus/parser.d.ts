declare module 'parse-prometheus-text-format' {
  /** Families of a text in the exposition format. */
  function parse(text: string): unknown;

  export { parse as default };
}
