import type { Family } from './families.ts';

/** Fill and stroke on a light page and on a dark one; text keeps a contrast of over 4.5 with its fill. */
const colours: Record<Family, { light: [string, string]; dark: [string, string] }> = {
  input: { light: ['#ffffff', '#57606a'], dark: ['#161b22', '#8b949e'] },
  output: { light: ['#ffffff', '#57606a'], dark: ['#161b22', '#8b949e'] },
  product: { light: ['#dbeafe', '#3b82f6'], dark: ['#172f57', '#60a5fa'] },
  activation: { light: ['#fde2e4', '#e5636f'], dark: ['#4a1d24', '#f28b94'] },
  normalization: { light: ['#dcf5e3', '#3fa35f'], dark: ['#143822', '#5fce85'] },
  pool: { light: ['#d8f3f3', '#2a9d9d'], dark: ['#0f3a3a', '#4fd1d1'] },
  arithmetic: { light: ['#fff0d6', '#d98f1f'], dark: ['#42300e', '#e9b04f'] },
  arrangement: { light: ['#eceff3', '#8a94a3'], dark: ['#262c36', '#7d8896'] },
  quantization: { light: ['#ece3fb', '#8b5cf6'], dark: ['#31214f', '#a78bfa'] },
  recurrent: { light: ['#dfe3fb', '#5865d8'], dark: ['#20275a', '#8b96f5'] },
  control: { light: ['#f3e4d8', '#a8683a'], dark: ['#402a1a', '#cf9468'] },
  other: { light: ['#f1f1f1', '#6b7280'], dark: ['#2b2b2b', '#9ca3af'] },
};

const rules = (scheme: 'light' | 'dark') =>
  Object.entries(colours)
    .map(
      ([
        family,
        {
          [scheme]: [fill, stroke],
        },
      ]) => `.${family} rect{fill:${fill};stroke:${stroke}}`,
    )
    .join('');

export const styleSheet = [
  'text{font-family:ui-sans-serif,system-ui,"Segoe UI","Liberation Sans",Arial,sans-serif;fill:#1f2328}',
  '.page{fill:#ffffff}.edge{fill:none;stroke:#9aa4b0;stroke-width:1.3}.edge:hover{stroke:#1f6feb;stroke-width:3}',
  '.head{font-size:15px;font-weight:600}.legend{font-size:11px}',
  '.title{font-size:13px;font-weight:600;text-anchor:middle}.line{font-size:11px;text-anchor:middle;opacity:.85}',
  '.label{font-size:10px;fill:#57606a}',
  rules('light'),
  `@media(prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117}.edge{stroke:#57606a}.label{fill:#9da7b3}${rules('dark')}}`,
].join('');
