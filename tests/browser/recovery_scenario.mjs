// The server is killed and restarted while the page is open.
import { execSync } from 'node:child_process';
import { base, check, openPage, settled, tileNumber, until } from './harness.mjs';

const restart = process.env.FRESHET_RESTART ?? '';

async function serverRestart(browser) {
  const { page, context } = await openPage(browser);
  await page.goto(`${base}/d/trading?compare=none`);
  await settled(page);
  const loads = await page.evaluate(() => performance.timeOrigin);
  const states = new Set();
  const badge = () => page.locator('.badge').getAttribute('data-state');
  const watch = setInterval(() => void badge().then((s) => states.add(s), () => {}), 50);
  execSync(restart, { stdio: 'inherit' });
  const after = await until(badge, (state) => states.has('reconnecting') && state === 'live', 60_000);
  clearInterval(watch);
  check(states.has('reconnecting'), 'the page says that it reconnects', [...states].join());
  check(after === 'live', 'and is live again', String(after));
  check(
    (await page.evaluate(() => performance.timeOrigin)) === loads,
    'without a reload',
  );
  check((await tileNumber(page, 'Net sales')) > 0, 'its numbers are back');
  await context.close();
}

export const recovery = restart
  ? [['server restart', serverRestart]]
  : [['server restart', async () => console.log('skipped: FRESHET_RESTART is not set')]];
