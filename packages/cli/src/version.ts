/** The version of this command, as `covey --version` says it and reports name it. */
export const coveyVersion = '0.1.0';
