// "As of complete data": numbers end where the last whole bucket did.
import { ask, base, check, openPage, screenshot, settled, sql, tile, tileNumber, until } from './harness.mjs';

const kZone = 'Europe/Madrid';
const parameter = (page, name) => new URL(page.url()).searchParams.get(name) ?? '';
const utc = (iso) => new Date(iso).toISOString().slice(0, 19).replace('T', ' ');

// The week's days of which all is known, by the server's own marks.
async function wholeDays() {
  const { answers } = await ask('POST', '/api/v1/kpis/query', {
    queries: [{ kpi: 'net_sales', range: 'last_7d', tz: kZone, grain: 'day' }],
  });
  const { range, series } = answers[0];
  const end = series.find((point) => point.partial).t;
  return { from: range.from, end };
}

async function completeOnly(browser) {
  const { page, context, faults } = await openPage(browser);
  const { from, end } = await wholeDays();
  await page.goto(`${base}/d/trading?range=last_7d&grain=day&compare=previous`);
  await settled(page);
  const before = await tileNumber(page, 'Net sales');
  await page.keyboard.press('t');
  await page.getByRole('dialog', { name: /^Time range/ }).getByLabel('Numbers').selectOption('complete');
  await page.keyboard.press('Escape');
  await page.waitForURL(/asof=complete/);
  await page.getByRole('button', { name: /complete up to/ }).waitFor();
  await settled(page);
  const [{ net }] = await sql(
    `SELECT SUM(net) AS net FROM sales WHERE __time >= TIMESTAMP '${utc(from)}' AND __time < TIMESTAMP '${utc(end)}'`,
  );
  const shown = await until(() => tileNumber(page, 'Net sales'), (n) => Math.abs(n - net) <= 0.51);
  check(Math.abs(shown - net) <= 0.51, 'complete days only equal SQL', `${shown} ${net}`);
  check(shown < before, 'today is left out', `${shown} ${before}`);
  const week = 7 * 86_400_000;
  const [{ old }] = await sql(
    `SELECT SUM(net) AS old FROM sales WHERE __time >= TIMESTAMP '${utc(Date.parse(from) - week)}' ` +
      `AND __time < TIMESTAMP '${utc(Date.parse(end) - week)}'`,
  );
  const delta = await tile(page, 'Net sales').locator('.delta').innerText();
  const share = ((Math.abs(net - old) / old) * 100).toFixed(1);
  check(/vs previous period/.test(delta), 'the comparison keeps its name', delta);
  check(delta.includes(`${share}%`), 'and is as long, a whole range earlier', `${delta} ${share}`);
  const button = await page.getByRole('button', { name: /^Time range/ }).innerText();
  check(/Last 7 days, complete up to/.test(button.replace(/\s+/g, ' ')), 'the time bar says up to when', button);
  const dashed = await tile(page, 'Net sales by hour').getByText('(still running)').count();
  check(dashed === 0, 'no bucket is still running');
  await screenshot(page, 'complete');

  await page.reload();
  await settled(page);
  check((await tileNumber(page, 'Net sales')) === shown, 'the address holds it');
  await page.getByRole('button', { name: 'Earlier' }).click();
  await page.waitForURL(/from=/);
  const days = (Date.parse(parameter(page, 'to')) - Date.parse(parameter(page, 'from'))) / 86_400_000;
  check(days === 7, 'a step is as long as the whole range', String(days));
  await page.goBack();
  await page.goBack();
  await page.waitForURL((url) => !url.search.includes('asof'));
  await settled(page);
  const again = await until(() => tileNumber(page, 'Net sales'), (n) => n >= before);
  check(again >= before, 'and back, up to now', `${again} ${before}`);

  // A day alone is not over: said, and shown up to now.
  await page.goto(`${base}/d/trading?range=today&grain=day&asof=complete`);
  await settled(page);
  await page.getByText('Nothing in this range is complete yet').waitFor();
  check((await tileNumber(page, 'Net sales')) > 0, 'nothing complete: said, with the numbers up to now');

  // Too long for hours: up to the last whole day.
  const day = (n) => new Date(Date.now() + n * 86_400_000).toISOString().slice(0, 10);
  await page.goto(`${base}/d/trading?from=${day(-800)}&to=${day(2)}&asof=complete`);
  await page.getByRole('button', { name: /complete up to/ }).waitFor();
  check(true, 'a long range is cut by days');

  await page.goto(`${base}/explore/sales?kpi=net_sales&range=last_7d&grain=day&asof=complete&tz=${kZone}&show=pivot`);
  const value = page.locator('main .value');
  const explored = await until(
    async () => Number((await value.innerText({ timeout: 5000 })).replace(/[^\d.]/g, '')),
    (n) => Math.abs(n - net) <= 0.51,
  );
  check(Math.abs(explored - net) <= 0.51, 'Explore has the same', `${explored} ${net}`);
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

export const asOf = [['as of complete data', completeOnly]];
