import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { addModel, floats, goldenOf } from './browser-models.ts';
import { type Ask, type Browser, openPage, startChromium } from './chromium.ts';
import { openSite, type Site } from './site.ts';

/** What a probe found of one way to run a version. */
export interface Choice {
  variant: string;
  provider: string;
  threads: number;
  ok: boolean;
  reason: string;
  maxError: number | null;
  latencyMs: number | null;
  chosen: boolean;
}

/** An inference, or what its error says. */
export interface Answer {
  version: string;
  variant: string;
  provider: string;
  outputs: Record<string, number[]>;
  code?: string;
  message?: string;
}

/** What the page was told by the runtime. */
export interface Seen {
  warnings: { message: string; code?: string }[];
  requests: number;
  summaries: string[];
  isIsolated: boolean;
}

/** What `addModel` takes. */
export const four = { x: { values: [1, 2, 3, 4], shape: [1, 4] } };

interface Opened {
  site: Site;
  browser: Browser;
  tab: Page;
  ask: Ask;
}

/** One browser for the tests of a file, with a page that has a runtime open. What is here is there from beforeAll on. */
export class PageOfTests {
  #opened: Opened | undefined;

  constructor() {
    beforeAll(async () => {
      const [site, browser] = [await openSite(), await startChromium()];
      this.#opened = { site, browser, ...(await openPage(browser, site.url)) };
    });
    afterEach(async () => {
      await this.ask('close');
    });
    afterAll(async () => {
      await this.#opened?.browser.close();
      await this.#opened?.site.close();
    });
  }

  get site(): Site {
    return this.#here.site;
  }

  get browser(): Browser {
    return this.#here.browser;
  }

  get tab(): Page {
    return this.#here.tab;
  }

  get ask(): Ask {
    return this.#here.ask;
  }

  get #here(): Opened {
    if (!this.#opened) throw new Error('the browser did not start');
    return this.#opened;
  }

  /** What came of every way to run `models`, or an error. */
  open(models: object[], options: object = {}): Promise<Choice[]> {
    return this.ask('open', models, options);
  }

  infer(model: string, inputs: object, options: object = {}): Promise<Answer> {
    return this.ask('ask', model, inputs, options);
  }

  seen(): Promise<Seen> {
    return this.ask('seen');
  }

  /** Another page of the site. */
  another(query = '') {
    return openPage(this.browser, `${this.site.url}${query}`);
  }

  /** A version that adds `constant`, which nothing is measured of. */
  adding(constant: number) {
    const variants = [{ name: 'fp32', ...this.site.put(`add-${constant}.onnx`, addModel(constant)) }];
    return { name: 'add', version: `${constant}.0.0`, variants };
  }

  /** The same with golden vectors. */
  async measured(constant: number) {
    const { golden } = await goldenOf(addModel(constant), { x: floats([1, 4], four.x.values) });
    return { ...this.adding(constant), golden: this.site.put(`add-${constant}.golden`, golden) };
  }
}
