// The other pages: alerts, data, query, explore, and addresses that lead nowhere.
import { ask, base, check, numberIn, openPage, pause, screenshot, settled, sql, until } from './harness.mjs';

async function alertThreshold(browser) {
  const { page, context, faults } = await openPage(browser);
  const { alerts } = await ask('GET', '/api/v1/alerts');
  const before = alerts.find((rule) => rule.alert === 'margin_low') ?? alerts[0];
  const name = before.alert;
  const { unit } = await ask('GET', `/api/v1/kpis/${before.kpi}`);
  // What a limit is counted in comes late.
  await page.route('**/api/v1/kpis', async (route) => {
    await pause(1000);
    await route.continue();
  });
  await page.goto(`${base}/alerts`);
  const rule = page.locator('article', { hasText: name });
  await rule.getByRole('button', { name: 'Set threshold' }).click();
  const limit = rule.getByLabel('Fire when it is: limit');
  const old = await limit.inputValue();
  const written = Number(before.when.replace(/[^\d.-]/g, ''));
  check(Number(old) === written * (unit === 'percent' ? 100 : 1), 'a limit is in the unit of its KPI', `${old} ${before.when}`);
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
  await page.goto(`${base}/explore/sales?kpi=gross_margin&range=yesterday&tz=UTC`);
  const board = page.getByRole('region', { name: 'channel', exact: true });
  await board.locator('li').first().waitFor();
  await board.locator('li button', { hasText: 'web' }).click();
  await page.waitForURL(/filter=channel:web/);
  check((await board.locator('li').count()) > 1, 'its own list still shows its like');
  await page.getByRole('button', { name: 'reset' }).click();
  await page.getByRole('tab', { name: 'Pivot' }).click();
  await page.getByLabel('Rows').selectOption('region');
  await page.getByLabel('Columns').selectOption('channel');
  const table = page.locator('.pivot table');
  await table.getByRole('columnheader', { name: 'web' }).waitFor();
  const day = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
  const range = `__time >= TIMESTAMP '${day}' AND __time < TIMESTAMP '${day}' + INTERVAL '1' DAY`;
  const ratio = '(SUM(net) - SUM(cost)) / SUM(net)';
  const { formula } = await ask('GET', '/api/v1/kpis/gross_margin');
  check(/net/.test(formula), 'the margin is made of net sales', formula);
  const [{ m }] = await sql(`SELECT ${ratio} AS m FROM sales WHERE ${range} AND channel = 'web'`);
  const heads = await table.locator('thead tr').first().locator('th').allInnerTexts();
  const at = heads.findIndex((head) => head.trim() === 'web');
  const totals = await table.locator('.totals th, .totals td').allInnerTexts();
  const wanted = (100 * m).toFixed(1);
  const { answers } = await ask('POST', '/api/v1/kpis/query', {
    queries: [{ kpi: 'gross_margin', range: 'yesterday', filter: 'channel:web' }],
  });
  check(totals[at] === `${(100 * answers[0].value).toFixed(1)}%`, 'a total of ratios is the server\u2019s', `${totals[at]} ${wanted}`);
  const cell = table.locator('tr.item', { hasText: 'Madrid' }).locator('td').nth(at - 1).getByRole('button');
  await cell.click();
  await page.waitForURL(/filter=region:Madrid;channel:web/);
  await until(() => table.locator('tr.item').count(), (n) => n === 1);
  check((await table.locator('tr.item').count()) === 1, 'a cell filters to its row and its column');
  await table.locator('tr.item th button').focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await page.waitForURL((url) => !url.search.includes('filter='));
  check(true, 'by keys the same cell takes its filter away');
  await page.goto(`${base}/explore/sales?kpi=gross_margin&range=yesterday&tz=UTC&show=pivot&by=region&column=channel&filter=region:Madrid,Galicia`);
  await cell.click();
  await page.waitForURL(/filter=region:Madrid;channel:/);
  check(true, 'one of several rows stays alone');
  await page.goto(`${base}/explore/sales?kpi=gross_margin&range=yesterday&tz=UTC&show=pivot&by=category&filter=channel:web`);
  await table.getByRole('columnheader', { name: 'Receipts' }).first().waitFor();
  const shown = await table.locator('thead tr').first().innerText();
  check(!/Days of supply/.test(shown), 'KPIs without the filter are left out', shown);
  await page.getByLabel('Rows').selectOption('region');
  await page.getByLabel('Columns').selectOption('__days');
  await table.getByRole('columnheader', { name: day }).waitFor();
  check(true, 'days can be columns');
  const items = table.locator('tr.item');
  const regions = await items.count();
  // A row that the first KPI has nothing of.
  await page.route('**/api/v1/kpis/query', async (route) => {
    const response = await route.fetch();
    const json = await response.json();
    json.answers[0].rows?.shift();
    await route.fulfill({ json });
  });
  await page.getByLabel('Columns').selectOption('__kpis');
  await table.getByRole('columnheader', { name: 'Receipts' }).first().waitFor();
  check((await items.count()) === regions, 'beside each other KPIs have the rows of any', await items.count());
  await page.unroute('**/api/v1/kpis/query');
  const at6 = (days) => new Date(Math.floor(Date.now() / 864e5 - days) * 864e5 + 6 * 36e5).toISOString();
  await page.goto(`${base}/explore/sales?kpi=net_sales&from=${at6(2)}&to=${at6(1)}&tz=UTC&show=pivot&by=channel&column=__days`);
  await items.first().waitFor();
  const cells = (await items.first().locator('td').allInnerTexts()).map(numberIn);
  check(cells.length === 3 && Math.abs(cells[0] + cells[1] - cells[2]) < 2, 'parts of days add up to the range', cells.join());
  await page.getByRole('tab', { name: 'All values' }).click();
  await page.locator('tbody tr').first().waitFor();
  // Made of KPIs, and without a dimension: nowhere.
  await page.goto(`${base}/d/finance`);
  await page.getByRole('button', { name: 'About Cash to cash' }).first().click();
  const about = page.getByRole('dialog', { name: 'About Cash to cash' });
  await about.getByRole('button', { name: 'PNG' }).waitFor();
  check((await about.getByRole('link').count()) === 0, 'what can’t be explored has no link there');
  // Made of KPIs of two data sets: with both.
  for (const name of ['sales', 'returns']) {
    await page.goto(`${base}/explore/${name}?kpi=return_rate&range=yesterday&tz=UTC`);
    const value = await page.locator('.answer .value').innerText();
    const rate = await ask('GET', '/api/v1/kpis/return_rate/value?range=yesterday&tz=UTC');
    check(value === `${(100 * rate.value).toFixed(1)}%`, `a KPI of two data sets is explored with ${name}`, `${value} ${rate.value}`);
    await board.locator('li').first().waitFor();
  }
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// Of more values than come at once, those that hold a text are asked for.
async function searchedValues(browser) {
  const { page, context, faults } = await openPage(browser);
  let last = null; // the row that is left out of what comes at once
  await page.route('**/api/v1/kpis/query', async (route) => {
    const response = await route.fetch();
    const json = await response.json();
    const [query] = route.request().postDataJSON().queries;
    const [answer] = json.answers;
    if (query.by === 'store' && !query.filter && answer.rows.length > 5) {
      const gone = answer.rows.splice(5);
      last ??= gone.at(-1);
      answer.rest = { count: gone.length, value: gone.reduce((sum, row) => sum + row.value, 0) };
    }
    await route.fulfill({ response, json });
  });
  await page.goto(`${base}/explore/sales?kpi=net_sales&by=store&range=yesterday&tz=UTC&show=table`);
  const rows = page.locator('tr.item');
  await rows.first().waitFor();
  check((await rows.count()) === 5 && last, 'a part of the values comes at once', await rows.count());
  const foot = page.locator('.foot strong');
  const total = await foot.innerText();
  await page.getByRole('searchbox').fill(last.store.toLowerCase());
  await until(() => rows.count(), (n) => n === 1);
  const text = await rows.first().innerText();
  const value = numberIn(await rows.first().locator('td').first().innerText());
  check(text.includes(last.store) && Math.abs(value - last.value) <= 0.51, 'the server searches the others', text);
  check((await foot.innerText()) === total, 'beside the total of all', await foot.innerText());
  await page.getByRole('searchbox').fill('nobody has this');
  await until(() => rows.count(), (n) => n === 0);
  check((await rows.count()) === 0, 'nothing is found where nothing is');
  await page.getByRole('searchbox').fill('');
  await until(() => rows.count(), (n) => n === 5);
  check((await rows.count()) === 5, 'and all are back');
  await page.getByRole('button', { name: 'Value' }).click();
  await until(() => rows.first().innerText(), (words) => words.includes(last.store));
  check((await rows.first().innerText()).includes(last.store), 'the server finds the least of all', await rows.first().innerText());
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function queryHelp(browser) {
  const { page, context, faults } = await openPage(browser, { acceptDownloads: true });
  // A column that is something else in another data set.
  await page.route('**/druid/v2/sql', async (route) => {
    if (!route.request().postData().includes('COLUMN_NAME')) return route.continue();
    const response = await route.fetch();
    const json = [...(await response.json()), ['channel', 'elsewhere', 'BIGINT']];
    return route.fulfill({ response, json });
  });
  await page.goto(`${base}/query`);
  const editor = page.getByLabel('SQL');
  await editor.fill('SELECT chann');
  await page.getByRole('option', { name: /channel/ }).first().waitFor();
  await editor.press('Tab');
  check((await editor.inputValue()) === 'SELECT channel', 'a column is completed', await editor.inputValue());
  await editor.pressSequentially(', net_sal');
  await page.getByRole('option', { name: /net_sales/ }).first().waitFor();
  await editor.press('Enter');
  await editor.pressSequentially(' FROM sales GROUP BY channel');
  await editor.press('Control+Enter');
  await page.locator('.scroll table').waitFor();
  const rows = await page.locator('tbody tr').count();
  check(rows >= 3, 'a KPI is completed to its formula', String(rows));
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'CSV' }).click(),
  ]);
  check(download.suggestedFilename() === 'query.csv', 'CSV of the result');
  await page.getByRole('tab', { name: 'Chart' }).click();
  check((await page.locator('ul.card li').count()) === rows, 'the rows as bars');
  await page.getByRole('tab', { name: 'Plan' }).click();
  await page.getByText(/queryType/).waitFor();
  await page.getByRole('button', { name: 'History' }).click();
  const last = page.getByRole('dialog', { name: 'History' }).getByRole('button').first();
  check(/GROUP BY channel/.test(await last.innerText()), 'the history has it');
  await page.keyboard.press('Escape');
  await editor.fill('SELECT web_order');
  await page.getByRole('option', { name: /web_orders/ }).first().waitFor();
  await editor.press('Enter');
  const written = await editor.inputValue();
  check(/"channel" = 'web'/.test(written), 'a KPI brings its condition', written);
  const [shown] = await sql(written);
  const [wanted] = await sql("SELECT COUNT(DISTINCT txn_id) AS n FROM sales WHERE channel = 'web'");
  check(shown.web_orders <= wanted.n && shown.web_orders > 0.9 * wanted.n, 'and its number', `${shown.web_orders} ${wanted.n}`);
  await editor.fill('SELECT stock_on');
  await page.waitForTimeout(500);
  check((await page.getByRole('option', { name: /KPI/ }).count()) === 0, 'levels have no SQL to complete to');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function newRule(browser) {
  const { page, context, faults } = await openPage(browser);
  const name = `browser_test_${Date.now()}`;
  page.on('dialog', (dialog) => void dialog.accept());
  await page.goto(`${base}/alerts`);
  await page.getByRole('button', { name: 'New rule' }).click();
  const form = page.getByRole('region', { name: 'New rule' });
  await form.getByLabel('Name').fill(name);
  await form.getByLabel('When').first().selectOption('net_sales');
  await form.getByLabel('Fire when it is: comparison').selectOption('<');
  await form.getByLabel('Fire when it is: limit').fill('1');
  await form.getByText(/hours were beyond this limit/).waitFor();
  check(true, 'the past says how often it was beyond');
  await form.getByRole('button', { name: 'Save' }).click();
  await form.waitFor({ state: 'detached' });
  const stored = await ask('GET', `/api/v1/alerts/${name}`);
  check(stored.kpi === 'net_sales' && stored.when === '< 1', 'a rule is made', JSON.stringify(stored));
  await page.getByRole('button', { name: `Remove ${name}` }).click();
  const left = await until(
    async () => (await ask('GET', '/api/v1/alerts')).alerts.filter((a) => a.alert === name).length,
    (n) => n === 0,
    5000,
  );
  check(left === 0, 'and removed');
  const pair = { kpi: 'net_sales', by: ['store', 'channel'], when: '< -1', window: '1h' };
  await ask('PUT', `/api/v1/alerts/${name}`, pair);
  const rule = page.locator('article', { hasText: name });
  await rule.getByRole('button', { name: /^Set threshold/ }).click();
  const save = rule.getByRole('button', { name: 'Save' });
  await save.click();
  await save.waitFor({ state: 'detached' });
  const { by } = await ask('GET', `/api/v1/alerts/${name}`);
  await page.getByRole('button', { name: `Remove ${name}` }).click();
  await rule.waitFor({ state: 'detached' });
  check(by.join() === 'store,channel', 'a rule of two dimensions keeps both', by.join());
  await page.getByRole('tab', { name: 'History' }).click();
  await page.waitForURL(/show=history/);
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function steerStream(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/data`);
  const card = page.locator('article', { hasText: 'orders' }).first();
  await card.getByRole('button', { name: /^Pause/ }).click();
  check(/Nothing is lost/.test(await card.innerText()), 'it says what pausing means');
  await card.getByRole('group').getByRole('button', { name: 'Pause' }).click();
  await card.getByRole('button', { name: /^Resume/ }).waitFor();
  const state = (await ask('GET', '/api/v1/ingestion/orders')).state;
  check(state === 'paused', 'the stream is paused', state);
  await card.getByRole('button', { name: /^Resume/ }).click();
  await card.getByRole('button', { name: /^Pause/ }).waitFor();
  await page.getByRole('tab', { name: 'Where it comes from' }).click();
  const nodes = page.locator('svg .node');
  const kpis = (await ask('GET', '/api/v1/kpis')).kpis.length;
  const count = await until(() => nodes.count(), (n) => n > kpis, 5000);
  check(count > kpis, 'the picture has every KPI and what it feeds', `${count} ${kpis}`);
  await nodes.filter({ hasText: 'Net sales' }).first().click();
  check((await page.locator('svg .node.off').count()) > 0, 'one chosen, the others step back');
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
  const reply = await page.goto(`${base}/nothing/like/it`);
  check(reply.status() === 404, 'an unknown address is a 404', reply.status());
  const shown = await until(() => main.innerText(), (words) => words.length > 0);
  check(!shown.includes('{'), 'and a page in words', shown);
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

// The banner of a source that can't be read says the day, too.
async function bannerDay(browser) {
  const { page, context, faults } = await openPage(browser);
  const { datasets } = await ask('GET', '/api/v1/datasets');
  Object.assign(datasets[0], { state: 'waiting', error: 'no broker answers', as_of: '2026-03-05T10:00:00Z' });
  await page.route('**/api/v1/datasets', (route) => route.fulfill({ json: { datasets } }));
  await page.goto(`${base}/d/trading?range=yesterday`);
  const banner = page.locator('main .banner').first();
  await banner.waitFor();
  check(/Mar 5, \d\d:00/.test(await banner.innerText()), 'data of long ago are said with their day', await banner.innerText());
  await screenshot(page, 'banner');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// Where text runs from right to left the signs of a number stay at their place.
async function rightToLeft(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.addInitScript(() => {
    document.addEventListener('readystatechange', () => (document.documentElement.dir = 'rtl'));
  });
  await page.goto(`${base}/d/trading?range=yesterday&compare=previous`);
  await settled(page);
  // Where the first and the last sign of each change stand.
  const wrong = await page.evaluate(() =>
    [...document.querySelectorAll('.grid .delta span:nth-child(2)')].flatMap((span) => {
      const node = span.firstChild;
      const at = node.data.search(/[+-]/);
      if (at < 0) return [];
      const left = (index) => {
        const range = document.createRange();
        range.setStart(node, index);
        range.setEnd(node, index + 1);
        return range.getBoundingClientRect().left;
      };
      return left(at) < left(node.data.search(/\d(?=\D*$)/)) ? [] : [span.innerText];
    }),
  );
  const signs = await page.locator('.grid .delta', { hasText: /[+-]/ }).count();
  check(signs > 0 && wrong.length === 0, 'from right to left a sign stands before its number', `${signs} ${wrong}`);
  await screenshot(page, 'right-to-left');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

export const pages = [
  ['set an alert threshold', alertThreshold],
  ['data', dataPage],
  ['query', queryPage],
  ['query: completion, chart, plan, history', queryHelp],
  ['a new alert rule', newRule],
  ['pause, resume, lineage', steerStream],
  ['explore', explorePage],
  ['explore: search among many', searchedValues],
  ['unknown addresses and links', deadEnds],
  ['the day of a banner', bannerDay],
  ['from right to left', rightToLeft],
  ['language, theme, help', spanishAndTheme],
];
