// Nothing jumps while a page loads: the sum of what moved, as Chromium counts it
// (0 is nothing, 1 a whole screen by its whole height).
import { base, check, openPage, pause, until } from './harness.mjs';

const kMost = 0.02;
const kQuiet = 1500; // ms in which nothing moved
const kPaths = ['/d/trading', '/d/supply', '/explore/sales', '/explore/sales?show=pivot', '/alerts', '/data', '/query'];

async function moved(page) {
  return page.evaluate(() => ({
    sum: window.moves.reduce((all, { by }) => all + by, 0),
    what: window.moves.filter(({ by }) => by > 0.002).map(({ by, of }) => `${by.toFixed(3)} ${of}`).join('; '),
  }));
}

async function still(browser) {
  for (const [name, viewport] of [['phone', { width: 412, height: 823 }], ['narrow phone', { width: 320, height: 640 }],
    ['tablet', { width: 768, height: 1024 }], ['laptop', { width: 1440, height: 900 }]]) {
    for (const path of kPaths) {
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
      const { sum, what } = await moved(page);
      check(sum <= kMost, `${path} stands still while it loads, ${name}`, `${sum.toFixed(3)}: ${what}`);
      check(faults.length === 0, `no fault on the way, ${path}, ${name}`, faults.join('; '));
      await context.close();
    }
  }
}

export const steady = [['nothing jumps', still]];
