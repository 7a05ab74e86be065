// The other pages: alerts, data, query, explore, and addresses that lead nowhere.
import { ask, base, check, openPage, settled, sql, until } from './harness.mjs';

async function alertThreshold(browser) {
  const { page, context, faults } = await openPage(browser);
  const { alerts } = await ask('GET', '/api/v1/alerts');
  const before = alerts.find((rule) => rule.alert === 'margin_low') ?? alerts[0];
  const name = before.alert;
  await page.goto(`${base}/alerts`);
  const rule = page.locator('article', { hasText: name });
  await rule.getByRole('button', { name: 'Set threshold' }).click();
  const limit = rule.getByLabel('Fire when it is: limit');
  const old = await limit.inputValue();
  const next = String(Number(old) - 1);
  const set = async (value) => {
    await limit.fill(value);
    await rule.getByRole('button', { name: 'Save' }).click();
    await limit.waitFor({ state: 'detached', timeout: 5000 });
  };
  await set(next);
  const stored = await ask('GET', `/api/v1/alerts/${name}`);
  check(stored.when !== before.when, 'a new threshold is stored', stored.when);
  await rule.getByRole('button', { name: 'Set threshold' }).click();
  check((await limit.inputValue()) === next, 'the form shows what is stored');
  await set(old);
  const restored = await ask('GET', `/api/v1/alerts/${name}`);
  check(restored.when === before.when, 'the old one comes back', restored.when);
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function dataPage(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/data`);
  const { datasets } = await ask('GET', '/api/v1/datasets');
  const cards = page.locator('article');
  const count = await until(
    () => cards.count(),
    (n) => n === datasets.length,
  );
  check(count === datasets.length, 'every data set has a card', String(count));
  const text = await cards.first().innerText();
  check(!/undefined|null|NaN/.test(text), 'a card has plain words', text);
  const sales = page.locator('article', { hasText: 'Sales' }).first();
  await sales.getByRole('link', { name: /Explore/ }).click();
  await page.waitForURL(/\/explore\//);
  check(true, 'a card leads to its exploration');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function queryPage(browser) {
  const { page, context, faults, expected } = await openPage(browser);
  expected.push('/druid/v2/sql');
  await page.goto(`${base}/query`);
  const editor = page.getByLabel('SQL');
  const query = 'SELECT channel, COUNT(*) AS n FROM sales GROUP BY channel ORDER BY n DESC';
  await editor.fill(query);
  await editor.press('Control+Enter');
  await page.locator('.scroll table').waitFor();
  const rows = await sql(query);
  const names = await page.locator('tbody tr td:first-child').allInnerTexts();
  check(
    JSON.stringify(names) === JSON.stringify(rows.map((row) => row.channel)),
    'the result has the rows of SQL',
    names.join(),
  );
  await editor.fill('SELECT nothing_like_it FROM sales');
  await page.getByRole('button', { name: 'Run' }).click();
  const fault = page.getByRole('alert');
  await fault.waitFor();
  check(/nothing_like_it/.test(await fault.innerText()), 'a fault names its cause');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function explorePage(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/explore/sales?kpi=net_sales&by=category&range=yesterday`);
  await page.locator('tbody tr').first().waitFor();
  await page.getByLabel('By').selectOption('channel');
  await page.waitForURL(/by=channel/);
  const head = page.locator('thead th').first();
  await until(
    () => head.innerText(),
    (text) => text.trim() === 'channel',
  );
  const names = await page.locator('tbody th').allInnerTexts();
  check(names.includes('web'), 'another dimension shows its values', names.join());
  await page.locator('tbody th button', { hasText: 'web' }).click();
  await page.waitForURL(/filter=channel:web/);
  check(true, 'a row filters');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function deadEnds(browser) {
  const { page, context, expected } = await openPage(browser);
  expected.push('404');
  await page.goto(`${base}/d/nothing_like_it`);
  const main = page.locator('main');
  const text = await until(
    () => main.innerText(),
    (words) => words.includes('nothing_like_it'),
  );
  check(/nothing_like_it/.test(text), 'an unknown dashboard is named', text);
  await page.goto(`${base}/`);
  await settled(page);
  await page.getByRole('button', { name: 'Menu' }).click();
  const links = await page
    .locator('nav a, header a')
    .evaluateAll((all) => all.map((link) => link.pathname));
  for (const path of links) {
    const response = await fetch(base + path);
    check(response.ok, `the menu's ${path} answers`, String(response.status));
  }
  await context.close();
}

async function spanishAndTheme(browser) {
  const { page, context, faults } = await openPage(browser, { locale: 'es-ES' });
  await page.goto(`${base}/d/trading?range=yesterday`);
  await settled(page);
  const button = page.getByRole('button', { name: /^Periodo y comparación: Ayer/ });
  check((await button.count()) === 1, 'a Spanish browser gets Spanish');
  await page.getByRole('button', { name: 'Menú' }).click();
  await page.getByLabel('Tema').selectOption('dark');
  check(
    (await page.locator('html').getAttribute('data-theme')) === 'dark',
    'the theme can be chosen',
  );
  await page.reload();
  check(
    (await page.locator('html').getAttribute('data-theme')) === 'dark',
    'and stays chosen',
  );
  await page.keyboard.press('?');
  check(await page.getByRole('dialog').isVisible(), '? opens the help');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

export const pages = [
  ['set an alert threshold', alertThreshold],
  ['data', dataPage],
  ['query', queryPage],
  ['explore', explorePage],
  ['unknown addresses and links', deadEnds],
  ['language, theme, help', spanishAndTheme],
];
