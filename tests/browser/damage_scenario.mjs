// A server one of whose segment files has been cut: what the page says of it.
import { base, check, openPage, pause, screenshot, settled, until } from './harness.mjs';

async function damaged(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/odd?range=today`);
  await settled(page);
  const badge = page.locator('.badge');
  const state = await until(
    () => badge.getAttribute('data-state'),
    (one) => one === 'damaged',
  );
  check(state === 'damaged', 'the badge says that data are damaged', String(state));
  const told = await badge.innerText();
  check(/can’t be read/.test(told), 'in words', told);
  const banner = await page.locator('.banner').innerText();
  check(/stored data can’t be read/.test(banner), 'and so does the banner', banner);
  check(!/\.seg/.test(banner), 'without file names');
  const tiles = await page.locator('.grid').innerText();
  check(/stored data that can’t be read/.test(tiles), 'each tile says why it is empty');
  check(!/\.seg/.test(tiles), 'in plain words');
  await screenshot(page, 'damaged_dashboard');
  await page.locator('.banner a').click();
  await page.waitForURL(/\/data$/);
  const card = page.locator('article').first();
  const text = await until(() => card.innerText(), (one) => /\.seg/.test(one));
  check(/\.seg/.test(text), 'the data page names the file', text);
  await screenshot(page, 'damaged_data');
  await pause(100);
  check(faults.length === 0, 'nothing else is amiss', faults.join('; '));
  await context.close();
}

export const damage = [['damage: a file that was cut', damaged]];
