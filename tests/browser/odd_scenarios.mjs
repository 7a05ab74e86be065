// Odd data: no name runs as a script, none breaks a page, all can be filtered.
import { readFile } from 'node:fs/promises';
import { inflateRawSync } from 'node:zlib';
import { ask, base, check, openPage, screenshot, settled, sql, tile, until } from './harness.mjs';
import { audit } from './look_scenarios.mjs';
import { fill, kCustomers, kNames } from './odd_data.mjs';

async function everyTile(browser) {
  await fill();
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/odd`);
  await settled(page);
  await until(
    () => tile(page, 'By name').locator('li').count(),
    (n) => n >= kNames.length,
  );
  for (const [width, theme] of [[1440, 'light'], [768, 'dark'], [320, 'dark']]) {
    await page.emulateMedia({ colorScheme: theme });
    await page.setViewportSize({ width, height: 900 });
    await page.waitForTimeout(300);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(over <= 0, `odd data fits ${width} px`, `${over} px over`);
    if (width === 320) {
      const table = tile(page, 'Table of names').locator('.scroll');
      const below = await table.evaluate((node) => node.scrollHeight - node.clientHeight);
      check(below <= 1, 'a table is whole on a phone, also on one that was turned', `${below} px below`);
    }
    await screenshot(page, `odd-${width}-${theme}`);
    if (width !== 768) await audit(page, `odd data, ${width} px, ${theme}`);
  }
  const hacked = await page.evaluate(() => window.hacked);
  check(hacked === undefined, 'no name ran as a script');
  const text = await page.locator('main').innerText();
  check(text.includes(kNames[0]), 'markup is shown as it is written');
  check(!/\bNaN\b|undefined|Infinity/.test(text), 'every number is one, or —', text.slice(0, 300));
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function filterByEach(browser) {
  const { page, context, faults } = await openPage(browser);
  const rows = await sql('SELECT name, COUNT(*) AS n FROM odd WHERE name IS NOT NULL GROUP BY name');
  for (const row of rows.filter((r) => kNames.indexOf(r.name) % 3 === 0)) {
    await page.goto(`${base}/d/odd`);
    await settled(page);
    const bars = tile(page, 'By name').locator('li button');
    const names = await bars.locator('.name').allTextContents();
    const at = names.findIndex((name) => name === row.name);
    await bars.nth(at).click();
    await page.waitForURL(/filter=/);
    await settled(page);
    const shown = await tile(page, 'Events').locator('.value').innerText();
    check(shown.trim() === String(row.n), `filters by ${row.name.slice(0, 24)}`, shown);
  }
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function searchManyValues(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/odd`);
  await settled(page);
  await page.getByRole('button', { name: '+ filter' }).click();
  const panel = page.getByRole('dialog', { name: '+ filter' });
  await panel.getByRole('button', { name: 'customer' }).click();
  await panel.getByText(/search to find them/).waitFor();
  const started = Date.now();
  await panel.getByRole('searchbox').fill('CUSTOMER-09999');
  const box = panel.getByRole('checkbox', { name: /customer-09999/ });
  await box.waitFor({ timeout: 3000 });
  console.log(`     found among ${kCustomers} after ${Date.now() - started} ms`);
  check(Date.now() - started < 1500, 'one of 10,000 values is found at once');
  await box.check();
  await page.waitForURL(/filter=customer:customer-09999/);
  await page.keyboard.press('Escape');
  await settled(page);
  const [{ n }] = await sql("SELECT COUNT(*) AS n FROM odd WHERE customer = 'customer-09999'");
  const shown = await tile(page, 'Events').locator('.value').innerText();
  check(shown.trim() === String(n), 'and filters', shown);
  await page.getByRole('button', { name: '+ filter' }).click();
  await panel.getByRole('button', { name: 'customer' }).click();
  await panel.getByRole('searchbox').fill('100%_');
  await panel.getByText('No such value.').waitFor({ timeout: 3000 });
  check(true, 'a search takes % and _ as they are');
  await panel.getByRole('searchbox').evaluate((field) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', 'customer-00001\r\ncustomer-00002\r\n');
    field.select();
    field.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
  });
  await panel.getByRole('button', { name: 'Use these 2 values' }).click();
  await page.waitForURL(/customer-00001,customer-00002/);
  check(true, 'a column of a sheet is pasted as its values');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function shapes(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/odd`);
  await settled(page);
  const [counts] = await sql(
    'SELECT COUNT(*) AS e, COUNT(name) AS n, COUNT(place) AS p FROM odd',
  );
  const steps = await tile(page, 'How far').locator('.step strong').allInnerTexts();
  check(
    steps.map((s) => Number(s.replace(/,/g, ''))).join() === [counts.e, counts.n, counts.p].join(),
    'the funnel has the numbers of SQL',
    steps.join(),
  );
  const heat = tile(page, 'When');
  const now = new Date();
  const cell = heat.locator('.step5, .step3').first();
  const said = await cell.getAttribute('aria-label');
  // The events are some minutes old: of this hour or the one before.
  const hours = [0, 1].map((back) => new Date(+now - back * 3.6e6).toISOString().slice(11, 13) + ':00');
  check(
    hours.some((hour) => said?.includes(hour)),
    'the heat map has the hour of the events',
    `${said} ${hours}`,
  );
  await heat.getByRole('gridcell').first().focus().catch(() => {});
  await page.keyboard.press('ArrowRight');
  const focused = await page.evaluate(() => document.activeElement?.getAttribute('role'));
  check(focused === 'gridcell', 'arrow keys move through it', String(focused));
  await page.setViewportSize({ width: 320, height: 900 });
  await heat.getByRole('gridcell').first().focus();
  await page.keyboard.press('ArrowDown');
  const below = await page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '');
  check(/^Monday, 01:00/.test(below), 'on a phone, too, as it stands there', below);
  await page.setViewportSize({ width: 1440, height: 900 });
  const map = tile(page, 'Where');
  check((await map.getByRole('button', { name: /Madrid <b>: / }).count()) === 1, 'places are on the map');
  check(/2 more/.test(await map.innerText()), 'and those that are not are counted');
  await map.getByRole('button', { name: /حلب/ }).focus();
  const name = await map.locator('.readout bdi').allInnerTexts();
  check(name.join() === 'حلب', 'a name from right to left leaves its number in order', name.join());
  await map.getByRole('button', { name: /Cádiz/ }).focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(/filter=place:C/);
  check(true, 'a place filters by keyboard');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// Where there is no number the tile says why, in the reader's language.
async function whyThereIsNone(browser) {
  const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
  const kSize = "'Huge' <b>size</b> ''";
  const kPlaces = [
    ['', 'Amount per nobody', /^Division by zero/, /^División por cero/],
    ['filter=name:nobody%20at%20all', kSize, /passes the filters/, /cumple los filtros/],
    ['range=yesterday', kSize, /^Nothing in this range \(yesterday\) · newest \w/, /^Nada en este periodo \(ayer\) · último/],
    [`from=${day(2)}&to=${day(3)}`, kSize, /has not begun/, /aún no ha empezado/],
  ];
  for (const locale of ['en-US', 'es-ES']) {
    const { page, context, faults } = await openPage(browser, { locale });
    for (const [view, title, english, spanish] of kPlaces) {
      await page.goto(`${base}/d/odd?${view}`);
      await settled(page);
      const text = await tile(page, title).locator('.body').innerText();
      const words = locale === 'en-US' ? english : spanish;
      const lines = text.split('\n').map((line) => line.trim());
      check(lines.some((line) => words.test(line)), `says why there is no number, ${locale}, ${view || 'today'}`, text);
    }
    await page.goto(`${base}/d/odd`);
    await settled(page);
    await page.getByRole('button', { name: /^(About|Acerca de) Amount per nobody/ }).click();
    const facts = await page.getByRole('dialog').innerText();
    check(/by zero|por cero/.test(facts), `and so does what is known of the KPI, ${locale}`, facts);
    check(faults.length === 0, 'no fault on the way', faults.join('; '));
    await context.close();
  }
}

async function exports_(browser) {
  const { page, context, faults } = await openPage(browser, { acceptDownloads: true });
  await page.goto(`${base}/d/odd?tile=4`);
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('tab', { name: 'By dimension' }).click();
  await dialog.locator('select').selectOption('customer');
  await dialog.getByText('10,002 values').or(dialog.getByText('10,000 values')).waitFor({ timeout: 8000 });
  const drawn = await dialog.locator('tbody tr').count();
  check(drawn < 80, 'of ten thousand rows only those in sight are drawn', String(drawn));
  const get = async (name) => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      dialog.getByRole('button', { name, exact: true }).click(),
    ]);
    return readFile(await download.path());
  };
  const csv = (await get('CSV')).toString();
  check(csv.split('\r\n').length === 10_002, 'CSV has every row that is shown', String(csv.split('\r\n').length));
  check(/2 more were left out/.test(await dialog.innerText()), 'and says what was left out');
  const xlsx = await get('XLSX');
  check(xlsx.subarray(0, 4).toString('latin1') === 'PK\x03\x04', 'XLSX is a ZIP archive');
  await dialog.locator('.scroll').evaluate((node) => (node.scrollTop = node.scrollHeight));
  await page.waitForTimeout(200);
  await dialog.getByRole('searchbox').fill('customer-00001');
  await dialog.locator('tbody').getByText('customer-00001').waitFor({ timeout: 3000 });
  check(true, 'what is searched from the end of a list is in sight');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// The files of a ZIP archive, as texts, by name; the sizes stand before each.
function unzipped(bytes) {
  const files = {};
  for (let at = 0; bytes.readUInt32LE(at) === 0x04034b50; ) {
    const [packed, path] = [bytes.readUInt32LE(at + 18), bytes.readUInt16LE(at + 26)];
    const start = at + 30 + path + bytes.readUInt16LE(at + 28);
    const name = bytes.subarray(at + 30, at + 30 + path).toString();
    files[name] = inflateRawSync(bytes.subarray(start, start + packed)).toString();
    at = start + packed;
  }
  return files;
}

// As a spreadsheet reads it: well formed, each name a text of its own, no formula.
async function sheetOfNames(browser) {
  const { page, context, faults } = await openPage(browser, { acceptDownloads: true });
  await page.goto(`${base}/d/odd?tile=1`);
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('tab', { name: 'By dimension' }).click();
  await dialog.locator('tbody tr').first().waitFor();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    dialog.getByRole('button', { name: 'XLSX', exact: true }).click(),
  ]);
  const files = unzipped(await readFile(await download.path()));
  const read = await page.evaluate((texts) => {
    const parse = (text) => new DOMParser().parseFromString(text, 'application/xml');
    const sheet = parse(texts['xl/worksheets/sheet1.xml'] ?? texts['xl/sheet1.xml']);
    const inText = (text) => text.replace(/_x([0-9a-f]{4})_/gi, (_, code) => String.fromCharCode(parseInt(code, 16)));
    return {
      broken: Object.values(texts).some((text) => parse(text).querySelector('parsererror')),
      formulas: sheet.querySelectorAll('f').length,
      texts: [...sheet.querySelectorAll('t')].map((node) => inText(node.textContent)),
      name: parse(texts['xl/workbook.xml']).querySelector('sheet').getAttribute('name'),
    };
  }, files);
  check(!read.broken, 'each part of an XLSX is well formed');
  check(read.formulas === 0, 'no name is a formula');
  const missing = kNames.filter((name) => !read.texts.includes(name));
  check(missing.length === 0, 'each name is read as it was written', missing.join(' | '));
  check(!/^'|'$|[[\]:*?/\\]/.test(read.name) && read.name.length <= 31, 'the sheet has a name that may be', read.name);
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// Nothing happens here: the stream is heard of all the same.
async function quietStream() {
  const over = AbortSignal.timeout(20_000);
  const { body } = await fetch(`${base}/api/v1/stream?dashboard=odd`, { signal: over });
  let text = '';
  try {
    for await (const bytes of body) {
      text += Buffer.from(bytes).toString();
      if (/event: delta[^]*\n\n/.test(text)) break;
    }
  } catch {
    // the time is over
  }
  const ids = [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id);
  const beat = /event: delta\ndata: (.*)/.exec(text)?.[1] ?? '';
  check(/^\{"tiles":\{\}/.test(beat), 'a quiet stream says something every 15 s', beat);
  check(ids.length === 2 && ids[0] === ids[1], 'with the id of what was said last', ids.join());
}

// Against a server with odd_model, not the starter model.
export const odd = [
  ['odd: every tile', everyTile],
  ['odd: why there is no number', whyThereIsNone],
  ['odd: filter by each name', filterByEach],
  ['odd: ten thousand values', searchManyValues],
  ['odd: funnel, heat map, map', shapes],
  ['odd: export', exports_],
  ['odd: names in a sheet', sheetOfNames],
  ['odd: a quiet stream', quietStream],
];
