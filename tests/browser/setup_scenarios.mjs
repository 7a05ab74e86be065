// A first visit: a server with an empty model folder, from nothing to a live
// tile; then a second data set from the page of the data.
import { ask, base, check, numberIn, openPage, pause, screenshot, settled, sql, tile, tileNumber, until } from './harness.mjs';
import { audit } from './look_scenarios.mjs';

const fits = async (page, name) => {
  for (const width of [320, 768, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    await pause(100);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(over <= 0, `${name} fits ${width} px`, `${over} px over`);
    await screenshot(page, `${name}-${width}`);
  }
};

// Without data there is nothing to explore, but a way to the set-up.
async function exploreNothing(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/explore`);
  await page.getByText('There are no data sets yet.').waitFor({ timeout: 5000 });
  await screenshot(page, 'explore-empty');
  await page.getByRole('link', { name: 'Connect data' }).click();
  await page.getByRole('heading', { name: 'Where do your events come from?' }).waitFor();
  check(true, 'an empty server leads from Explore to the set-up');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// Fields whose names no column can have are named; a KPI is called as its field.
async function oddNames(browser) {
  const kSaid = {
    'en-US': [/^Paste some events/, 'Look at the events', 'Next', /Left out, because .*"", "a\.b", "q\\"uo"/],
    'es-ES': [/^Pegue/, 'Mirar los eventos', 'Siguiente', /Se omiten, porque .*"", "a\.b", "q\\"uo"/],
  };
  for (const [locale, [paste, look, next, said]] of Object.entries(kSaid)) {
    const { page, context, faults } = await openPage(browser, { locale });
    await page.goto(`${base}/data?show=connect`);
    await page.locator('input[pattern]').fill('odd_names');
    await page.getByLabel(paste).fill(JSON.stringify({ ts: '2026-11-28T09:30:00Z', 'a.b': 1, 'q"uo': 2, '': 3, ñ: 4.5 }));
    await page.getByRole('button', { name: look }).click();
    await page.locator('tbody tr').first().waitFor();
    const text = await page.locator('.setup').innerText();
    check(said.test(text), `odd names are named, ${locale}`, text);
    await page.getByRole('button', { name: next }).click();
    await page.locator('#setup-title', { hasText: /Which numbers|Qué cifras/ }).waitFor();
    const titles = await page.locator('.setup input').evaluateAll((all) => all.map((one) => one.value));
    check(titles.some((title) => /^Ñ, total/.test(title)), `a KPI has the name of its field, ${locale}`, titles.join('|'));
    await audit(page, `odd names, ${locale}`);
    check(faults.length === 0, 'no fault on the way', faults.join('; '));
    await context.close();
  }
}

// On a phone a field's name has room, and its example is in sight.
async function narrowColumns(browser) {
  const { page, context, faults } = await openPage(browser, { viewport: { width: 375, height: 740 } });
  await page.goto(`${base}/data?show=connect`);
  await page.getByLabel('Short name of the data').fill('narrow');
  await page.getByRole('button', { name: 'Fill in an example' }).click();
  await page.getByRole('button', { name: 'Look at the events' }).click();
  const rows = page.locator('tbody tr');
  await rows.first().waitFor();
  for (const row of (await rows.all()).slice(0, 3)) {
    const name = await row.locator('th bdi').boundingBox();
    const example = await row.locator('.example').boundingBox();
    check(name.height < 30, 'a name stands in one line', JSON.stringify(name));
    check(example.x >= 0 && example.x + example.width <= 375, 'its example is in sight', JSON.stringify(example));
  }
  await audit(page, 'columns on a phone');
  await screenshot(page, 'setup-columns-phone');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// What POST /ingest takes, the set-up takes; what it can't, it says.
async function otherShapes(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/data?show=connect`);
  await page.getByLabel('Short name of the data').fill('shapes');
  const paste = page.getByLabel('Paste some events, one JSON object a line');
  const event = { ts: '2026-11-28T09:30:00Z', store: 'S 01', net: 19.9 };
  const pretty = JSON.stringify(event, null, 2);
  for (const [text, n] of [[pretty, 1], [`${pretty}\n${pretty}`, 2], [JSON.stringify([event, event], null, 2), 2]]) {
    await paste.fill(text);
    await page.getByRole('button', { name: 'Look at the events' }).click();
    await page.locator('.setup', { hasText: /looked at|is no object/ }).waitFor();
    const said = await page.locator('.setup').innerText();
    check(new RegExp(`${n} events? looked at, 3 fields`).test(said), `${n} of many lines are read`, said);
    await page.getByRole('button', { name: 'Back' }).click({ timeout: 3000 });
  }
  await paste.fill('');
  const whole = JSON.stringify([{ ...event, note: 'x'.repeat(1_100_000) }]);
  await page.locator('input[type=file]').setInputFiles({ name: 'one.json', mimeType: 'application/json', buffer: Buffer.from(whole) });
  await page.getByRole('alert').waitFor();
  check(/one JSON object a line/.test(await page.getByRole('alert').innerText()), 'a long file without lines is refused in words');
  await screenshot(page, 'setup-cut');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// A topic's dashboard opens on the days its events are of.
async function oldTopic(browser) {
  const { page, context } = await openPage(browser);
  const sent = [];
  await page.route(/\/api\/v1\/(datasets|kpis|dashboards)\/[^/]+(\/infer|\/validate)?$/, (route) => {
    const url = route.request().url();
    if (/dashboards/.test(url) && route.request().method() === 'PUT') sent.push(route.request().postDataJSON());
    const column = (name, type, example) => ({ name, path: name, type, filled: 3, example });
    const found = { format: 'json', messages: 3, time_field: 'at', arrays: [], empty: [], fields: [column('at', 'timestamp', '1700000000000'), column('net', 'double', '1.5')] };
    return route.fulfill({ json: /infer/.test(url) ? found : { valid: true, faults: [] } });
  });
  await page.goto(`${base}/data?show=connect`);
  await page.getByRole('radio', { name: /Kafka/ }).check();
  await page.getByLabel(/Brokers/).fill('kafka:9092');
  await page.getByLabel('Topic', { exact: true }).fill('old.sales');
  await page.getByLabel('Short name of the data').fill('old_sales');
  await page.getByRole('button', { name: 'Look at the events' }).click();
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('button', { name: 'Make the dashboard' }).click();
  await until(() => sent.length, (n) => n > 0);
  check(sent[0]?.default.range === 'ytd', 'old events open on more than today', JSON.stringify(sent[0]?.default));
  await context.close();
}

async function fromNothing(browser) {
  const { page, context, faults, expected } = await openPage(browser);
  expected.push('400', '409');
  await page.goto(base);
  await page.getByRole('heading', { name: 'Where do your events come from?' }).waitFor();
  await audit(page, 'first visit');
  await fits(page, 'setup-source');
  const look = page.getByRole('button', { name: 'Look at the events' });
  const paste = page.getByLabel('Paste some events, one JSON object a line');
  await page.getByLabel('Short name of the data').fill('shop');
  await page.getByLabel('Title', { exact: true }).fill('Corner shop');
  await paste.fill('this is no event');
  await look.click();
  const alert = page.getByRole('alert');
  await alert.waitFor();
  check(/JSON/.test(await alert.innerText()), 'what is no event is refused in words', await alert.innerText());
  await page.getByRole('button', { name: 'Fill in an example' }).click();
  const events = (await paste.inputValue()).split('\n').map((line) => JSON.parse(line));
  await look.click();
  await page.getByRole('heading', { name: 'What is in them?' }).waitFor();
  check((await page.getByLabel('When it happened:').inputValue()) === 'ts', 'the time is found');
  check((await page.getByLabel('Type of net').inputValue()) === 'decimal(2)', 'money is exact');
  check((await page.getByLabel('Type of store').inputValue()) === 'string', 'a store is a text');
  await audit(page, 'columns of a sample');
  await fits(page, 'setup-columns');
  // A column that the events don't fit is said before anything is made.
  await page.getByLabel('Type of store').selectOption('long');
  await page.getByRole('button', { name: 'Next' }).click();
  await alert.waitFor();
  check(/Event 1:.*store/.test(await alert.innerText()), 'an unfit column is named', await alert.innerText());
  check((await ask('GET', '/api/v1/datasets')).datasets.length === 0, 'and nothing was made');
  await page.getByLabel('Type of store').selectOption('string');
  await page.getByRole('button', { name: 'Next' }).click();
  await page.getByRole('heading', { name: 'Which numbers do you want to see?' }).waitFor();
  await audit(page, 'choice of KPIs');
  await fits(page, 'setup-kpis');
  await page.getByLabel('Currency of amounts').fill('EUR');
  await page.getByRole('button', { name: 'Make the dashboard' }).click();
  await page.waitForURL(/\/d\/shop/);
  await settled(page);
  const total = events.reduce((sum, event) => sum + event.net, 0);
  const shown = () => tileNumber(page, 'Net, total');
  // Shown in whole euros from 1,000 on.
  const near = (value) => (number) => Math.abs(number - value) < 0.51;
  check(near(total)(await until(shown, near(total), 5000)), 'the sum of what was pasted', `${await shown()} ${total}`);
  const [{ s }] = await sql('SELECT SUM(net) AS s FROM shop');
  check(Math.abs(s - total) < 0.001, 'and of SQL', `${s} ${total}`);
  const start = Date.now();
  await ask('POST', '/ingest/shop', { ts: new Date().toISOString(), receipt_id: 'R1', store: 'Sevilla', product: 'Bread', qty: 1, net: 500 });
  await until(shown, near(total + 500), 5000);
  check(near(total + 500)(await shown()) && Date.now() - start < 2000, 'the next event is on screen within 2 s', `${Date.now() - start} ms`);
  const board = tile(page, 'Net, total by store');
  await board.locator('li', { hasText: 'Sevilla' }).waitFor();
  check(numberIn(await board.locator('.foot').innerText()) > 0, 'split by store');
  await audit(page, 'the dashboard that was made');
  await screenshot(page, 'setup-done');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// What has no value in any event is no column: it is named, not passed over.
async function emptyFields(browser) {
  const kEvents = [
    { ts: '2026-11-28T09:30:00Z', store: 'S01', note: '', net: 19.9, voucher: null, member: { id: null, tier: 'gold' } },
    { ts: '2026-11-28T09:31:00Z', store: 'S02', note: '', net: 5, voucher: null, member: { id: null, tier: 'blue' } },
  ];
  const kLook = { 'en-US': [/^Paste some events/, 'Look at the events'], 'es-ES': [/^Pegue/, 'Mirar los eventos'] };
  for (const [locale, [paste, look]] of Object.entries(kLook)) {
    const { page, context, faults } = await openPage(browser, { locale });
    await page.goto(`${base}/data?show=connect`);
    await page.getByLabel(locale === 'en-US' ? 'Short name of the data' : 'Nombre corto de los datos').fill('empties');
    const read = async (events) => {
      await page.getByLabel(paste).fill(events.map((event) => JSON.stringify(event)).join('\n'));
      await page.getByRole('button', { name: look }).click();
      await page.locator('tbody tr').first().waitFor();
      return page.locator('.setup').innerText();
    };
    const two = await read(kEvents);
    check(/member\.id, voucher/.test(two), `fields that are always empty are named, ${locale}`, two);
    check(/2 fields have no value|2 campos no tienen valor/.test(two), `and counted, ${locale}`, two);
    check(/\(empty text\)|\(texto vacío\)/.test(two), `an empty text is told from none, ${locale}`);
    check(/they are left out|se omiten/.test(two), `and it is said what becomes of them, ${locale}`, two);
    await audit(page, `empty fields, ${locale}`);
    await page.getByRole('button', { name: /^(Back|Atrás)$/ }).click();
    const one = await read(kEvents.map(({ voucher: _, ...event }) => event));
    check(/1 field has no value|1 campo no tiene valor/.test(one), `one is not many, ${locale}`, one);
    check(faults.length === 0, 'no fault on the way', faults.join('; '));
    await context.close();
  }
}

// Half an event, such as the end of a file that was cut, is said at once; of a
// long file only whole lines are taken.
async function cutEvents(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/data?show=connect`);
  await page.getByLabel('Short name of the data').fill('cut');
  const paste = page.getByLabel('Paste some events, one JSON object a line');
  const look = page.getByRole('button', { name: 'Look at the events' });
  const whole = '{"ts":"2026-11-28T09:30:00Z","store":"S01","net":19.9}';
  for (const [bad, what] of [[whole.slice(0, 30), 'half an event'], ['42', 'a number'], ['[]', 'a list']]) {
    await paste.fill(`${whole}\n${bad}`);
    await look.click();
    const alert = page.getByRole('alert');
    await alert.waitFor();
    const said = await alert.innerText();
    check(said.includes('Event 2') && said.includes(bad), `${what} is named`, said);
  }
  const line = `{"ts":"2026-11-28T09:30:00Z","store":"S01","net":19.9,"note":"${'x'.repeat(900)}"}\n`;
  await page.locator('input[type=file]').setInputFiles({ name: 'long.jsonl', mimeType: 'application/json', buffer: Buffer.from(line.repeat(2000)) });
  await until(() => paste.inputValue(), (text) => text.length > 900_000);
  await look.click();
  await page.getByRole('heading', { name: 'What is in them?' }).waitFor();
  check(/4 fields found/.test(await page.locator('.setup').innerText()), 'a long file is read as far as its lines are whole');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function another(browser) {
  const { page, context, faults, expected } = await openPage(browser, { locale: 'es-ES', colorScheme: 'dark' });
  expected.push('503', '400', '404');
  await page.goto(`${base}/data?show=connect`);
  await page.getByRole('heading', { name: '¿De dónde vienen sus eventos?' }).waitFor();
  await audit(page, 'another data set, dark, Spanish');
  await page.getByLabel('Nombre corto de los datos').fill('shop');
  await page.getByRole('button', { name: 'Rellenar con un ejemplo' }).click();
  const look = page.getByRole('button', { name: 'Mirar los eventos' });
  await look.click();
  const alert = page.getByRole('alert');
  await alert.waitFor();
  check(/shop/.test(await alert.innerText()), 'a name that is taken is refused', await alert.innerText());
  await page.getByRole('radio', { name: /Kafka/ }).check();
  await page.getByLabel(/Servidores de Kafka/).fill('127.0.0.1:1');
  await page.getByLabel('Tema', { exact: true }).fill('pos.sales');
  await page.getByLabel('Nombre corto de los datos').focus();
  check((await page.getByLabel('Nombre corto de los datos').inputValue()) === 'pos_sales', 'a topic gives the name');
  await look.click();
  await alert.waitFor({ timeout: 30_000 });
  check(/127\.0\.0\.1:1/.test(await alert.innerText()), 'brokers that don’t answer are named', await alert.innerText());
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

export const setup = [
  ['setup: nothing to explore', exploreNothing],
  ['setup: from nothing to a live tile', fromNothing],
  ['setup: fields without a value', emptyFields],
  ['setup: half an event', cutEvents],
  ['setup: odd names', oddNames],
  ['setup: columns on a phone', narrowColumns],
  ['setup: other shapes', otherShapes],
  ['setup: a topic with old events', oldTopic],
  ['setup: another data set', another],
];
