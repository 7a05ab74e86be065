// The range a line is expected in, from the same buckets of the weeks before.
import { ask, base, check, numberIn, openPage, screenshot, settled, tile, until } from './harness.mjs';
import { audit } from './look_scenarios.mjs';

const kZone = 'Europe/Madrid';
const kDay = 86_400_000;

// A whole bucket of the day `weeks` before, as the server answers for it alone.
async function hourOf(day, hour, weeks) {
  const date = new Date(Date.parse(`${day}T00:00:00Z`) - weeks * 7 * kDay).toISOString().slice(0, 10);
  const next = hour === 23 ? new Date(Date.parse(`${date}T00:00:00Z`) + kDay).toISOString().slice(0, 10) : date;
  const text = (h) => `${String(h % 24).padStart(2, '0')}:00:00`;
  const { answers } = await ask('POST', '/api/v1/kpis/query', {
    queries: [{ kpi: 'net_sales', from: `${date}T${text(hour)}`, to: `${next}T${text(hour + 1)}`, tz: kZone }],
  });
  return answers[0].value;
}

async function usualRange(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/trading`);
  await settled(page);
  const chart = tile(page, 'Net sales by hour');
  check((await chart.getByText(/^usually/).count()) === 0, 'the usual range is off by default');
  await chart.getByRole('button', { name: 'Show usual range' }).focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(/expected=1/);
  check(true, 'switched on by a key, it is in the address');
  await chart.getByRole('slider').focus();
  for (let i = 0; i < 24; i += 1) await page.keyboard.press('ArrowRight'); // to 23:00
  const said = await until(() => chart.locator('.readout').innerText(), (text) => /usually/.test(text));
  const { answers } = await ask('POST', '/api/v1/kpis/query', {
    queries: [{ kpi: 'net_sales', range: 'today', tz: kZone, grain: 'hour' }],
  });
  const last = answers[0].series.at(-1).t;
  // The demo holds two weeks.
  const values = [await hourOf(last.slice(0, 10), 23, 1), await hourOf(last.slice(0, 10), 23, 2)];
  const match = /usually (\S+) to (\S+) \((\d) weeks before\)/.exec(said.replace(/\s+/g, ' '));
  const [low, high] = [numberIn(match?.[1] ?? ''), numberIn(match?.[2] ?? '')];
  check(match?.[3] === '2', 'it says of how many weeks', said);
  check(
    Math.abs(low - Math.min(...values)) <= 0.51 && Math.abs(high - Math.max(...values)) <= 0.51,
    'the range is that of the server’s answers',
    `${said} ${values}`,
  );
  const how = await chart.locator('.readout [title]').getAttribute('title');
  check(/lowest and the highest of the same time in 2 weeks/.test(how ?? ''), 'the tooltip says how', how);
  await screenshot(page, 'usual-range');
  await audit(page, 'a line with its usual range');

  await chart.getByRole('button', { name: 'Show as table' }).click();
  const cell = chart.getByRole('row', { name: /23:00/ }).getByRole('cell').last();
  check(/^usually/.test((await cell.innerText()).trim()), 'the table has it too', await cell.innerText());
  await page.reload();
  await settled(page);
  const shown = await until(() => chart.getByText(/usually|no usual range/).count(), (n) => n > 0);
  check(shown > 0, 'it outlives a reload');
  await chart.getByRole('button', { name: 'Hide usual range' }).click();
  await page.waitForURL((url) => !url.search.includes('expected'));
  check((await chart.getByText(/usually|no usual range/).count()) === 0, 'and is switched off again');

  // Weeks before the first event make no range of zeros.
  await page.goto(`${base}/d/trading?expected=1&range=last_7d&grain=day&compare=none`);
  await settled(page);
  await chart.getByRole('slider').focus();
  await page.keyboard.press('Home');
  await chart.getByText('no usual range').waitFor();
  check(true, 'weeks without data make no range');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

export const expected = [['usual range of a line', usualRange]];
