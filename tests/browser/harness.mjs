// A browser, a count of checks, and a watch on what no page may ever do: report
// a CSP violation, log an error, ask another host.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

export const base = (process.env.FRESHET_URL ?? 'http://127.0.0.1:8080').replace(/\/$/, '');
const artifacts = process.env.FRESHET_ARTIFACTS ?? '';
if (artifacts) mkdirSync(artifacts, { recursive: true });

let passed = 0;
let failed = 0;
export const counts = () => ({ passed, failed });

export function check(condition, name, detail = '') {
  if (condition) passed += 1;
  else failed += 1;
  const sign = condition ? 'ok  ' : 'FAIL';
  console.log(`${sign} ${name}${detail && !condition ? `: ${detail}` : ''}`);
}

// One scenario; whatever it throws is one failed check, not the end.
export async function scenario(name, run) {
  const start = Date.now();
  console.log(`--- ${name}`);
  try {
    await run();
  } catch (error) {
    check(false, name, String(error?.message ?? error).split('\n')[0]);
  }
  console.log(`    ${((Date.now() - start) / 1000).toFixed(1)} s`);
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Until `read` gives something that `good` accepts; gives the last value read.
export async function until(read, good, ms = 10_000, step = 50) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await read();
    if (good(value) || Date.now() > end) return value;
    await pause(step);
  }
}

export async function ask(method, path, body) {
  const response = await fetch(base + path, {
    method,
    headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? null : JSON.parse(text);
}

export async function sql(query) {
  const context = { useCache: false };
  return ask('POST', '/druid/v2/sql', { query, context });
}

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
}

// A page whose misdeeds are collected in `faults`. `expected` holds texts of
// console errors that a scenario causes on purpose.
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    locale: 'en-US',
    colorScheme: 'light',
    ...options,
  });
  const page = await context.newPage();
  const faults = [];
  const expected = [];
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  page.on('console', (message) => {
    if (message.type() !== 'error') return;
    const text = `${message.text()} ${message.location().url}`;
    if (!expected.some((part) => text.includes(part))) faults.push(text);
  });
  page.on('pageerror', (error) => faults.push(`thrown: ${error.message}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(base)) faults.push(`other host: ${request.url()}`);
  });
  return { page, context, faults, expected };
}

// What the page writes on canvases from now on, as `window.written`.
export const recordWords = (page) =>
  page.addInitScript(() => {
    window.written = [];
    const write = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
      window.written.push(text);
      return write.call(this, text, ...place);
    };
  });

export async function screenshot(page, name) {
  if (!artifacts) return;
  await page.screenshot({ path: join(artifacts, `${name}.png`), fullPage: true });
}

// No tile waits any more.
export async function settled(page, ms = 20_000) {
  await page.locator('.grid article').first().waitFor({ timeout: ms });
  await until(
    () => page.locator('.grid article[aria-busy="true"]').count(),
    (count) => count === 0,
    ms,
  );
}

export const tile = (page, title) =>
  page.locator('.grid article', {
    has: page.getByRole('heading', { name: title, exact: true }),
  });

// "€1,234.50", "31.7%", "-12" as a number.
export function numberIn(text) {
  const number = Number(text.replace(/[^\d.\-−]/g, '').replace('−', '-'));
  return text.includes('%') ? number / 100 : number;
}

export const tileText = async (page, title) =>
  (await tile(page, title).locator('.value').innerText({ timeout: 5000 })).trim();

export const tileNumber = async (page, title) => numberIn(await tileText(page, title));
