// Nothing jumps while a page loads: the sum of what moved, as Chromium counts it
// (0 is nothing, 1 a whole screen by its whole height).
import { base, check, openPage, pause, until } from './harness.mjs';

const kMost = 0.02;
const kMostNarrow = 0.1; // there a tile's words may take a line more than reserved
const kQuiet = 1500; // ms in which nothing moved
const kPaths = ['/d/trading', '/d/supply', '/explore/sales', '/explore/sales?show=pivot', '/alerts', '/data', '/query'];

async function load(browser, viewport, path) {
  const { page, context, faults } = await openPage(browser, { viewport });
  await page.addInitScript(() => {
    window.moves = [];
    const name = (node) => (node?.nodeType === 1 ? `${node.tagName} ${node.className}` : '?');
    new PerformanceObserver((list) => {
      for (const { value, sources } of list.getEntries())
        window.moves.push({ by: value, of: sources.map(({ node }) => name(node)).join(', ') });
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(base + path);
  await until(() => page.locator('main [aria-busy="true"], main :text("Loading")').count(), (n) => n === 0);
  await pause(kQuiet);
  const moves = await page.evaluate(() => window.moves);
  await context.close();
  const sum = moves.reduce((all, { by }) => all + by, 0);
  const what = moves.map(({ by, of }) => `${by.toFixed(3)} ${of}`).join('; ');
  return { sum, what, faults };
}

async function still(browser) {
  const kScreens = { phone: [412, 823], 'narrow phone': [320, 640], tablet: [768, 1024], laptop: [1440, 900] };
  for (const [name, [width, height]] of Object.entries(kScreens)) {
    for (const path of kPaths) {
      const most = width < 400 ? kMostNarrow : kMost;
      // An alert that begins or ends meanwhile moves what is below it.
      let seen = await load(browser, { width, height }, path);
      for (let i = 0; i < 2 && seen.sum > most; i++) seen = await load(browser, { width, height }, path);
      const { sum, what, faults } = seen;
      check(sum <= most, `${path} stands still while it loads, ${name}`, `${sum.toFixed(3)}: ${what}`);
      check(faults.length === 0, `no fault on the way, ${path}, ${name}`, faults.join('; '));
    }
  }
}

export const steady = [['nothing jumps', still]];
