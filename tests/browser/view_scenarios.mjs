// What a viewer does with a view: zoom, step, open a tile, undo, save, share,
// hang it on a wall; and all that without a mouse.
import { readFile } from 'node:fs/promises';
import { ask, base, check, numberIn, openPage, recordWords, screenshot, settled, sql, tile, tileNumber, until } from './harness.mjs';
import { audit } from './look_scenarios.mjs';

const parameter = (page, name) => new URL(page.url()).searchParams.get(name) ?? '';

async function zoom(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/trading?range=yesterday&compare=none`);
  await settled(page);
  const chart = tile(page, 'Net sales by hour');
  const box = await chart.locator('.u-over').boundingBox();
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.4, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, y, { steps: 5 });
  await page.mouse.up();
  await page.waitForURL(/from=/);
  await settled(page);
  check(parameter(page, 'from') < parameter(page, 'to'), 'a drag zooms', page.url());
  const whole = await tileNumber(page, 'Net sales');
  const rows = await sql(
    `SELECT SUM(net) AS net FROM sales WHERE __time >= TIMESTAMP '${utc(parameter(page, 'from'))}' ` +
      `AND __time < TIMESTAMP '${utc(parameter(page, 'to'))}'`,
  );
  check(Math.abs(whole - rows[0].net) <= 0.51, 'the zoomed number equals SQL', `${whole} ${rows[0].net}`);
  await page.keyboard.press('Control+z');
  await page.waitForURL((url) => !url.search.includes('from='));
  check(true, 'Ctrl+Z takes it back');
  await settled(page);
  await chart.getByRole('slider').focus();
  await page.keyboard.press('Home');
  for (let i = 0; i < 3; i += 1) await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Enter');
  await page.waitForURL(/from=/);
  const hours = (Date.parse(parameter(page, 'to')) - Date.parse(parameter(page, 'from'))) / 3_600_000;
  check(hours === 4, 'shift and arrows select, Enter zooms', String(hours));
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

const utc = (iso) => new Date(iso).toISOString().slice(0, 19).replace('T', ' ');

async function step(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/trading?compare=none`);
  await settled(page);
  const later = page.getByRole('button', { name: 'Later' });
  check(await later.isDisabled(), 'there is nothing after today');
  await page.getByRole('button', { name: 'Earlier' }).click();
  await page.waitForURL(/from=/);
  await settled(page);
  const stepped = await tileNumber(page, 'Net sales');
  const first = parameter(page, 'from');
  await page.keyboard.press('[');
  await page.waitForURL((url) => url.searchParams.get('from') !== first);
  await page.keyboard.press(']');
  await page.waitForURL((url) => url.searchParams.get('from') === first);
  await page.goto(`${base}/d/trading?range=yesterday&compare=none`);
  await settled(page);
  const yesterday = await tileNumber(page, 'Net sales');
  check(stepped === yesterday, 'one step before today is yesterday', `${stepped} ${yesterday}`);
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function openTile(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/trading?range=yesterday`);
  await settled(page);
  await page.getByRole('button', { name: 'Open Net sales', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('slider').waitFor();
  check(parameter(page, 'tile') === '0', 'an open tile is in the address', page.url());
  await audit(page, 'an open tile', 'dialog');
  const [picture] = await Promise.all([
    page.waitForEvent('download'),
    dialog.getByRole('button', { name: 'PNG' }).click(),
  ]);
  check(picture.suggestedFilename() === 'Net-sales.png', 'a chart is a PNG', picture.suggestedFilename());
  await dialog.getByRole('tab', { name: 'By dimension' }).click();
  await dialog.locator('tbody tr').first().waitFor();
  await dialog.getByRole('tab', { name: 'Rows' }).click();
  await dialog.getByText(/The newest 200 of/).waitFor();
  const said = await dialog.getByText(/The newest 200 of/).innerText();
  const { answers } = await ask('POST', '/api/v1/kpis/query', {
    queries: [{ kpi: 'net_sales', range: 'yesterday', tz: 'Europe/Madrid' }],
  });
  const [{ n }] = await sql(
    `SELECT COUNT(*) AS n FROM sales WHERE __time >= TIMESTAMP '${utc(answers[0].range.from)}' ` +
      `AND __time < TIMESTAMP '${utc(answers[0].range.to)}'`,
  );
  check(said.includes(n.toLocaleString('en-US')), 'the rows behind a number are those of SQL', `${said} ${n}`);
  const drivers = dialog.getByRole('tab', { name: 'What drove this' });
  if (await drivers.count()) {
    await drivers.click();
    await dialog.getByText(/What contributed/).waitFor();
    await screenshot(page, 'drivers');
    await dialog.locator('section li button').first().click();
    await page.waitForURL(/filter=/);
    check(true, 'a driver filters');
  }
  await page.goto(`${base}/d/inventory?tile=1`);
  await dialog.getByRole('slider').waitFor();
  check((await dialog.getByRole('tab', { name: 'Rows' }).count()) === 0, 'a level has no rows of its range');
  await page.keyboard.press('Escape');
  await until(() => page.getByRole('dialog').count(), (n) => n === 0);
  // The browser tells of the end of a dialog a moment after it.
  await until(() => parameter(page, 'tile'), (tile) => tile === '');
  check(parameter(page, 'tile') === '', 'closed, it is not', page.url());
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function savedView(browser) {
  const { page, context, faults } = await openPage(browser);
  const title = `Browser test ${Date.now()}`;
  await page.goto(`${base}/d/trading?range=yesterday&filter=channel:web`);
  await settled(page);
  await page.getByRole('button', { name: 'Views' }).click();
  const panel = page.getByRole('dialog', { name: 'Views' });
  await panel.getByLabel('Save this view as').fill(title);
  await panel.getByRole('button', { name: 'Save', exact: true }).click();
  await panel.getByRole('link', { name: title }).waitFor();
  await page.goto(`${base}/d/trading`);
  await settled(page);
  await page.getByRole('button', { name: 'Views' }).click();
  await panel.getByRole('link', { name: title }).click();
  await page.waitForURL(/range=yesterday.*filter=channel:web/);
  check((await page.locator('.pill').count()) === 1, 'a saved view comes back');
  await page.getByRole('button', { name: 'Views' }).click();
  await panel.getByRole('button', { name: `Remove the view ${title}` }).click();
  await until(() => panel.getByRole('link', { name: title }).count(), (n) => n === 0);
  const { views } = await ask('GET', '/api/v1/views');
  check(!views.some((view) => view.title === title), 'and can be removed');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function wallAndEmbed(browser) {
  const { page, context, faults } = await openPage(browser, { viewport: { width: 1920, height: 1080 } });
  const { dashboards } = await ask('GET', '/api/v1/dashboards');
  await page.goto(`${base}/d/${dashboards[0].dashboard}?wall=5`);
  await settled(page);
  const menu = page.getByRole('button', { name: 'Menu' });
  check((await menu.count()) === 0, 'a wall has no menu');
  const entries = await page.evaluate(() => history.length);
  await screenshot(page, 'wall');
  await page.waitForURL((url) => url.pathname !== `/d/${dashboards[0].dashboard}`, { timeout: 8000 });
  check(parameter(page, 'wall') === '5', 'it shows the next dashboard, still as a wall', page.url());
  check((await page.evaluate(() => history.length)) === entries, 'and the history does not grow');
  await settled(page);
  await page.keyboard.press('Escape');
  await menu.waitFor();
  check(parameter(page, 'wall') === '', 'Escape leaves the wall', page.url());
  await page.goto(`${base}/d/trading?embed=1`);
  await settled(page);
  check((await page.locator('.badge').count()) === 1, 'embedded, it still says how fresh it is');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function oneStream(browser) {
  const { page, context, faults } = await openPage(browser);
  const streams = [];
  context.on('request', (request) => {
    if (request.url().includes('/api/v1/stream')) streams.push(request.url());
  });
  await page.goto(`${base}/d/trading?compare=none`);
  await settled(page);
  const second = await context.newPage();
  await second.goto(`${base}/d/trading?compare=none`);
  await settled(second);
  let numbers;
  for (let tries = 0; tries < 20; tries++) {  // an update may come between the two
    numbers = [await tileNumber(page, 'Web orders'), await tileNumber(second, 'Web orders')];
    if (numbers[0] === numbers[1]) break;
    await page.waitForTimeout(100);
  }
  check(streams.length === 1, 'two tabs of one view have one stream', String(streams.length));
  check(numbers[0] === numbers[1], 'and the same numbers', numbers.join());
  await page.close();
  await until(() => streams.length, (n) => n === 2, 5000);
  check(streams.length === 2, 'the second takes over when the first goes', String(streams.length));
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// An address that was typed wrong is one sentence, not one a tile.
async function refusedView(browser) {
  const { page, context, faults, expected } = await openPage(browser);
  expected.push('/api/v1/stream');
  await page.goto(`${base}/d/trading?range=yestrday`);
  const said = page.getByRole('alert').filter({ hasText: "did you mean 'yesterday'?" });
  await said.waitFor();
  await settled(page);
  const words = await page.getByText("did you mean 'yesterday'?").count();
  check(words === 1, 'what the server refuses is said once, in its words', String(words));
  const badge = page.locator('.badge');
  check(
    (await badge.getAttribute('data-state')) === 'refused',
    'and the page does not go on saying that it connects',
    await badge.innerText(),
  );
  await page.goto(`${base}/d/trading?range=yesterday`);
  await settled(page);
  check((await said.count()) === 0, 'and not of the next view');
  const error = { code: 'not_found', message: "there is no dashboard 'trading'" };
  await page.route('**/api/v1/stream?**', (route) => route.fulfill({ status: 404, json: { error } }));
  await page.goto(`${base}/d/trading?range=yesterday`);
  await page.getByRole('alert').filter({ hasText: error.message }).waitFor();
  check((await badge.getAttribute('data-state')) === 'refused', 'a dashboard that was removed is not waited for');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// Which store is behind, and its rows, without a mouse.
async function keysOnly(browser) {
  const { page, context, faults } = await openPage(browser);
  const press = (...keys) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? '');
  await page.goto(`${base}/d/trading`);
  await settled(page);
  await press('t');
  await page.getByRole('dialog', { name: /^Time range/ }).waitFor();
  // The focus comes into a dialog a moment after it is there.
  const inside = () => page.evaluate(() => document.activeElement?.closest('[role=dialog]') !== null);
  await until(inside, (there) => there);
  await press('Tab', 'Enter'); // the second of the ranges: yesterday
  await page.waitForURL(/range=yesterday/);
  check(true, 'a range by keys');
  await settled(page);
  await press('/');
  await page.getByRole('dialog', { name: '+ filter' }).waitFor();
  await until(inside, (there) => there);
  check((await focused()) === 'store', 'the list of a filter has the focus', await focused());
  await press('Enter');
  await page.getByRole('dialog', { name: '+ filter' }).getByRole('searchbox').waitFor();
  await page.getByRole('dialog', { name: '+ filter' }).locator('.row input').first().waitFor();
  await until(inside, (there) => there);
  for (let i = 0; i < 12 && !(await page.evaluate(() => document.activeElement?.matches('.row input'))); i += 1) {
    await press('Tab');
  }
  await press('Space');
  await page.waitForURL(/filter=store:/);
  check(true, 'a filter by keys');
  await press('Escape');
  await settled(page);
  for (let i = 0; i < 40 && !/^Open /.test(await page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '')); i += 1) {
    await press('Tab');
  }
  await press('Enter');
  await page.getByRole('dialog').waitFor();
  check(parameter(page, 'tile') !== '', 'a tile opened by keys', page.url());
  await press('Escape', 'p');
  await until(() => page.locator('.badge').innerText(), (text) => /paused/.test(text));
  check(/paused/.test(await page.locator('.badge').innerText()), 'p pauses');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function slowNetwork(browser) {
  const { page, context, faults } = await openPage(browser);
  const cdp = await context.newCDPSession(page);
  await cdp.send('Network.enable');
  await cdp.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 150,
    downloadThroughput: 200_000,
    uploadThroughput: 90_000,
  });
  const started = Date.now();
  await page.goto(`${base}/d/trading`, { waitUntil: 'commit' });
  await tile(page, 'Net sales').locator('.value').waitFor({ timeout: 15_000 });
  const took = Date.now() - started;
  console.log(`     first number after ${took} ms with 150 ms and 200 kB/s`);
  check(took < 6000, 'a slow network shows a number within 6 s', String(took));
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// What a picture has on it: words, and how many of its dots have a colour.
async function pictureOf(page, name, colour) {
  await page.evaluate(() => (window.written.length = 0));
  const box = page.locator('article', { has: page.getByRole('heading', { name, exact: true }) });
  await box.getByRole('button', { name: `About ${name}` }).click();
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    box.getByRole('button', { name: 'PNG' }).click(),
  ]);
  await page.keyboard.press('Escape');
  const bytes = (await readFile(await file.path())).toString('base64');
  const dots = await page.evaluate(
    async ([bytes, colour]) => {
      const image = await createImageBitmap(new Blob([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))]));
      const ctx = new OffscreenCanvas(image.width, image.height).getContext('2d');
      ctx.fillStyle = colour;
      ctx.fillRect(0, 0, 1, 1);
      const [r, g, b] = ctx.getImageData(0, 0, 1, 1).data;
      ctx.drawImage(image, 0, 0);
      const { data } = ctx.getImageData(0, 0, image.width, image.height);
      let found = 0;
      for (let i = 0; i < data.length; i += 4) {
        if (data[i] === r && data[i + 1] === g && data[i + 2] === b) found += 1;
      }
      return found;
    },
    [bytes, colour],
  );
  return { file: file.suggestedFilename(), words: (await page.evaluate(() => window.written)).join(' '), dots };
}

// Each kind of chart is a picture of what it shows.
async function pictures(browser) {
  const { page, context, faults } = await openPage(browser, { acceptDownloads: true });
  await recordWords(page);
  const colour = (name) =>
    page.evaluate((name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim(), name);
  await page.goto(`${base}/d/trading?range=yesterday`);
  await settled(page);
  const series = await colour('--series-1');
  const bars = await pictureOf(page, 'Best stores', series);
  const best = await tile(page, 'Best stores').locator('.name').allInnerTexts();
  check(bars.file === 'Best-stores.png' && best.every((name) => bars.words.includes(name.trim())), 'a leaderboard is a picture with its names', bars.words);
  const widths = await tile(page, 'Best stores').locator('.bar').evaluateAll((all) => all.reduce((sum, bar) => sum + bar.getBoundingClientRect().width, 0));
  check(Math.abs(bars.dots / (widths * 10) - 1) < 0.1, 'and its bars', `${bars.dots} of ${widths * 10}`);
  const line = await pictureOf(page, 'Net sales by hour', series);
  check(line.dots > 500, 'a line is a picture', line.dots);
  await page.goto(`${base}/d/when_and_where?range=yesterday`);
  await settled(page);
  const heat = await pictureOf(page, 'Net sales by hour and weekday', `rgb(${await colour('--heat')})`);
  check(/Mon Tue Wed/.test(heat.words) && heat.dots > 300, 'a heat map is a picture', `${heat.dots} ${heat.words}`);
  const map = await pictureOf(page, 'Net sales by region', await colour('--hover'));
  check(/Madrid/.test(map.words) && map.dots > 5000, 'a map is a picture', `${map.dots} ${map.words}`);
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// From the visit to the order; each step leads to its KPI.
async function funnel(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/online?range=yesterday`);
  await settled(page);
  const steps = ['app_sessions', 'carts_made', 'checkouts', 'app_orders'];
  const { answers } = await ask('POST', '/api/v1/kpis/query', {
    queries: steps.map((kpi) => ({ kpi, range: 'yesterday', tz: 'Europe/Madrid' })),
  });
  const shown = tile(page, 'From visit to order');
  const numbers = (await shown.locator('.step strong').allInnerTexts()).map(numberIn);
  check(numbers.join() === answers.map(({ value }) => value).join(), 'a funnel has the numbers of its KPIs', numbers.join());
  await shown.getByRole('link', { name: 'Checkouts' }).click();
  await page.waitForURL(/\/explore\/carts\?.*kpi=checkouts/);
  const value = page.locator('.answer .value');
  await value.waitFor();
  check(numberIn(await value.innerText()) === answers[2].value, 'a step leads to its KPI', page.url());
  check(parameter(page, 'range') === 'yesterday', 'of the same time', page.url());
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

export const views = [
  ['zoom by drag and keys, undo', zoom],
  ['step through time', step],
  ['a tile in full', openTile],
  ['pictures', pictures],
  ['a funnel', funnel],
  ['saved views', savedView],
  ['wall and frame', wallAndEmbed],
  ['one stream for two tabs', oneStream],
  ['a view that is refused', refusedView],
  ['keyboard only', keysOnly],
  ['slow network', slowNetwork],
];
