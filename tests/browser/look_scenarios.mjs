// Every page in both themes and four widths: accessible, nothing cut off, and
// nothing tiny on a screen of 4K.
import AxeBuilder from '@axe-core/playwright';
import { ask, base, check, openPage, pause, screenshot, settled } from './harness.mjs';

const kWidths = [3840, 1440, 768, 320];
const kHeights = { 3840: 2160, 320: 700 };
const kTags = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'];

async function addresses() {
  const { dashboards } = await ask('GET', '/api/v1/dashboards');
  return [
    ...dashboards.map((d) => [`dashboard-${d.dashboard}`, `/d/${d.dashboard}`]),
    ['alerts', '/alerts'],
    ['data', '/data'],
    ['query', '/query?sql=SELECT%20COUNT(*)%20AS%20n%20FROM%20sales'],
    ['explore', '/explore/sales?kpi=net_sales&by=store&range=yesterday'],
    ['pivot', '/explore/sales?kpi=net_sales&by=store&range=yesterday&show=pivot'],
  ];
}

async function show(page, path) {
  await page.goto(base + path);
  if (path.startsWith('/d/')) await settled(page);
  else await pause(800);
  if (path.includes('show=pivot')) await page.locator('tr.totals').waitFor();
  await pause(200);
}

export async function audit(page, name, part = 'html') {
  // A button that is half under the bar by scrolling is no small target.
  await page.evaluate(() => window.scrollTo(0, 0));
  const { violations } = await new AxeBuilder({ page })
    .include(part)
    .withTags(kTags)
    .analyze();
  const text = violations
    .map((v) => `${v.id} at ${v.nodes.map((n) => n.target.join(' ')).slice(0, 3)}`)
    .join('; ');
  check(violations.length === 0, `${name} has no axe violation`, text);
}

// Rows of tables that the foot of their tile cuts through, and short tables that
// are not whole.
const cutTables = (page) =>
  page.locator('.grid article').evaluateAll((tiles) =>
    tiles.flatMap((tile) => {
      const foot = tile.querySelector('tfoot')?.getBoundingClientRect();
      if (!foot) return [];
      const rows = [...tile.querySelectorAll('tbody tr')].map((row) => row.getBoundingClientRect());
      const cut = rows.some((row) => row.top < foot.top - 1 && row.bottom > foot.top + 1);
      const short = rows.length <= 13 && rows.at(-1)?.bottom > foot.top + 1;
      const padding = parseFloat(getComputedStyle(tile).paddingBottom);
      const over = foot.bottom > tile.getBoundingClientRect().bottom - padding + 1;
      return cut || short || over ? [`${tile.getAttribute('aria-label')}: ${cut ? 'cut' : short ? 'not whole' : 'over'}`] : [];
    }),
  );

async function everyPage(browser, theme) {
  const { page, context, faults } = await openPage(browser, { colorScheme: theme });
  for (const [name, path] of await addresses()) {
    await show(page, path);
    // What is large is large in both themes: a wall's is looked at.
    for (const width of kWidths.filter((width) => width < 3840 || theme === 'dark')) {
      await page.setViewportSize({ width, height: kHeights[width] ?? 900 });
      await pause(150); // charts follow the width
      const over = await page.evaluate(
        () => document.documentElement.scrollWidth - window.innerWidth,
      );
      check(over <= 0, `${name} fits ${width} px, ${theme}`, `${over} px over`);
      const cut = await cutTables(page);
      check(cut.length === 0, `no table of ${name} is cut, ${width} px, ${theme}`, cut.join('; '));
      if (width === 3840) {
        const size = await page.evaluate(() => parseFloat(getComputedStyle(document.body).fontSize));
        check(size >= 24, `${name} is no smaller than on a desk at 4K`, `${size} px`);
      }
      await screenshot(page, `${name}-${width}-${theme}`);
      // Theme and width are apart: the narrow page is audited in one theme.
      if (width === 1440 || (width === 320 && theme === 'light')) {
        await audit(page, `${name}, ${width} px, ${theme}`);
      }
    }
  }
  check(faults.length === 0, `no fault on any page, ${theme}`, faults.join('; '));
  await context.close();
}

async function openPanels(browser) {
  const { page, context } = await openPage(browser);
  for (const width of [1440, 320]) {
    await page.setViewportSize({ width, height: 800 });
    await show(page, '/d/trading');
    for (const name of [/^Time range/, /^Freshness/, /^Menu/, /^About Net sales$/, /filter$/]) {
      await page.getByRole('button', { name }).first().click();
      // The page around it is audited on its own.
      const dialog = (await page.getByRole('dialog').count()) > 0;
      await audit(page, `panel ${name.source}, ${width} px`, dialog ? '[role=dialog]' : 'html');
      const over = await page.evaluate(
        () => document.documentElement.scrollWidth - window.innerWidth,
      );
      check(over <= 0, `panel ${name.source} fits ${width} px`, `${over} px over`);
      await screenshot(page, `panel-${name.source.replace(/\W/g, '')}-${width}`);
      await page.keyboard.press('Escape');
    }
  }
  await context.close();
}

// Both at once: they only look, and each keeps one processor busy.
const bothThemes = (browser) =>
  Promise.all([everyPage(browser, 'light'), everyPage(browser, 'dark')]);

export const looks = [
  ['every page, light and dark', bothThemes],
  ['open panels', openPanels],
];
