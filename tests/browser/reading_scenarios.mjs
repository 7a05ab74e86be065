// What a reader stumbles over: numbers that don't line up, one that is called
// many, a scale without a legend, what a wall never shows, places left empty.
import { ask, base, check, openPage, pause, recordWords, settled, tile, tileNumber, until } from './harness.mjs';
import { zoneOf as zone } from './number_scenarios.mjs';

// How many digits stand behind the point, of each of the texts.
const digitsOf = (texts) => new Set(texts.map((text) => /[.,](\d+)/.exec(text)?.[1]?.length ?? 0));

async function alignedNumbers(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/inventory`);
  await settled(page);
  const days = await tile(page, 'Days of supply by category').locator('tbody td:nth-child(2)').allInnerTexts();
  check(days.length > 3 && digitsOf(days).size === 1, 'durations under each other have the same digits', days.join());
  await page.goto(`${base}/query?sql=${encodeURIComponent("SELECT 'a' AS name, 1266054.6 AS net UNION ALL SELECT 'b', 12.25")}`);
  const cells = page.locator('tbody td.number');
  await cells.nth(1).waitFor();
  const nets = await cells.allInnerTexts();
  check(nets.join() === '1266054.60,12.25', 'so have the rows of a query', nets.join());
  const head = await page.locator('thead').innerText();
  check(/varchar/.test(head) && /decimal|double/.test(head), 'whose columns say their types', head);
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// The head, the totals and the names of a pivot stay in sight.
async function pivotInSight(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/explore/sales?kpi=net_sales&by=store&range=today&show=pivot`);
  const scroll = page.locator('.pivot .scroll');
  await scroll.locator('tbody tr.item').nth(5).waitFor();
  const column = await scroll.locator('thead tr').first().locator('th').allInnerTexts();
  const at = column.findIndex((text) => /^Net sales\b(?!,)/.test(text.trim()));
  const nets = await scroll.locator(`tbody tr.item td:nth-child(${at + 1})`).allInnerTexts();
  check(nets.length > 5 && digitsOf(nets.map((text) => text.replace(/,/g, ''))).size === 1, 'a column of a pivot has the same digits', nets.join());
  await scroll.evaluate((node) => node.scrollTo(240, 320));
  await pause(200);
  const [out, total, name] = await scroll.evaluate((node) => {
    const box = node.getBoundingClientRect();
    const [head, totals] = [...node.querySelectorAll('thead tr')].map((row) => row.getBoundingClientRect());
    const first = node.querySelectorAll('tbody tr.item th')[10].getBoundingClientRect();
    return [Math.abs(head.top - box.top), Math.abs(totals.top - head.bottom), Math.abs(first.left - box.left)];
  });
  check(out < 2 && total < 2, 'its head and totals stay on top', `${out} ${total}`);
  const cells = await scroll.locator('tr.totals td').first().evaluate((cell) => cell.getBoundingClientRect().top - cell.closest('.scroll').getBoundingClientRect().top);
  check(cells > 0 && cells < 80, 'with their numbers', String(cells));
  check(name < 2, 'and a row’s name beside its numbers', String(name));
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function groupedInSpanish(browser) {
  const { page, context, faults } = await openPage(browser, { locale: 'es-ES' });
  await page.goto(`${base}/explore/sales?kpi=net_sales&range=yesterday`);
  const values = page.locator('li .cell:nth-child(3)');
  await values.nth(20).waitFor();
  const texts = await values.allInnerTexts();
  check(texts.some((text) => /^\d\.\d{3}/.test(text)), 'numbers of four digits are on the page', texts.join());
  check(!texts.some((text) => /^\d{4}/.test(text)), 'and grouped as those above them', texts.join());
  const right = await values.evaluateAll((cells) =>
    cells.map((cell) => cell.scrollWidth - cell.clientWidth).filter((over) => over > 0),
  );
  check(right.length === 0, 'none is wider than its column', right.join());
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function oneIsNotMany(browser) {
  const { page, context, faults } = await openPage(browser);
  const text = () => page.locator('main').innerText();
  await page.goto(`${base}/query?sql=${encodeURIComponent('SELECT COUNT(*) AS n FROM sales')}`);
  await page.locator('tbody tr').waitFor();
  check(/\b1 row in/.test(await text()), 'one row is one row', await text());
  await page.goto(`${base}/d/when_and_where`);
  await settled(page);
  const map = await tile(page, 'Net sales by region').innerText();
  check(/\b(1 more has|\d*[02-9] more have) no place/.test(map), 'one region has, many have no place', map);
  await page.goto(`${base}/alerts`);
  await page.locator('article').first().waitFor();
  const rules = await text();
  check(/over the last (day|hour)\b/.test(rules) && !/last 1 /.test(rules), 'the last hour is not the last 1 hour');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function heatHasAScale(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/when_and_where`);
  await settled(page);
  const legend = await tile(page, 'Margin by hour and weekday').locator('.legend').innerText({ timeout: 3000 });
  const [low, high] = legend.split(/\s+/).filter(Boolean).map(parseFloat);
  check(low < high, 'a heat map says what its shades are', legend);
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// No tile has an empty place to its right.
async function noEmptyPlaces(browser) {
  const { page, context } = await openPage(browser);
  for (const { dashboard } of (await ask('GET', '/api/v1/dashboards')).dashboards) {
    await page.goto(`${base}/d/${dashboard}`);
    await settled(page);
    for (const width of [1440, 900]) {
      await page.setViewportSize({ width, height: 900 });
      const holes = await page.locator('.grid').evaluate((grid) => {
        const end = grid.getBoundingClientRect().right;
        const cells = [...grid.children].map((cell) => [cell.textContent, cell.getBoundingClientRect()]);
        const beside = (a, b) => b.left > a.left && b.left < a.right + 40 && b.top < a.bottom - 1 && b.bottom > a.top + 1;
        return cells
          .filter(([, a]) => a.right < end - 20 && !cells.some(([, b]) => beside(a, b)))
          .map(([text]) => text.trim().slice(0, 20));
      });
      check(holes.length === 0, `${dashboard}: nothing is empty beside a tile, ${width} px`, holes.join('; '));
    }
  }
  await context.close();
}

// A source that is read to its end and has been quiet for two hours is not one
// whose data is old.
async function quietSource(browser) {
  const back = new Date(Date.now() - 2 * 3_600_000).toISOString();
  const { page, context, faults } = await openPage(browser);
  await page.route('**/api/v1/datasets', async (route) => {
    const reply = await route.fetch();
    const body = await reply.json();
    body.datasets.forEach((set) => Object.assign(set, { as_of: back, lag_ms: 300 }));
    await route.fulfill({ response: reply, json: body });
  });
  await page.addInitScript((asOf) => {
    window.EventSource = class extends window.EventSource {
      addEventListener(kind, tell) {
        super.addEventListener(kind, (event) => {
          const data = event.data?.replace(/("freshness":\{"as_of":)"[^"]*"/, `$1"${asOf}"`);
          tell(new MessageEvent(kind, { data }));
        });
      }
    };
  }, back);
  await page.goto(`${base}/d/customers?range=last_7d`);
  await settled(page);
  const badge = page.locator('.badge');
  const said = await until(() => badge.innerText(), (words) => /up to/.test(words), 8000);
  const today = /up to date, newest event \d\d:\d\d:\d\d/.test(said);
  check(today || /data up to \w+,/.test(said), 'a quiet source is up to date, with its newest event', said);
  check(!/behind/.test(said), 'and not a second behind what is two hours old', said);
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// What is below the screen of a wall has its turn, then the next dashboard.
async function wholeWall(browser) {
  const { page, context, faults } = await openPage(browser, { viewport: { width: 1920, height: 1080 } });
  await page.goto(`${base}/d/supply?wall=5`);
  await settled(page);
  const last = page.locator('.grid article').last();
  const seen = () => last.evaluate((node) => node.getBoundingClientRect().bottom <= innerHeight + 1);
  check(!(await seen()), 'a dashboard is higher than the wall');
  const shown = await until(seen, (yes) => yes || !page.url().includes('/d/supply'), 20_000, 200);
  check(shown && page.url().includes('/d/supply'), 'its last tile comes into sight', page.url());
  const next = await until(() => page.url(), (url) => !url.includes('/d/supply'), 10_000, 200);
  check(/wall=5/.test(next) && !next.includes('/d/supply'), 'then comes the next', next);
  await settled(page);
  check((await page.evaluate(() => scrollY)) === 0, 'from its top');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// What is wrong is said in the reader's language, also where the server wrote it.
async function faultsInSpanish(browser) {
  const { page, context, expected } = await openPage(browser, { locale: 'es-ES' });
  expected.push('504', 'ERR_FAILED');
  await page.goto(`${base}/d/trading?tile=0`);
  const dialog = page.getByRole('dialog');
  await dialog.locator('.value').waitFor();
  const error = { code: 'deadline', message: 'the query ran longer than its time; set timeout: 30000 ms' };
  await page.route('**/api/v1/kpis/**', (route) => route.fulfill({ status: 504, json: { error } }));
  await dialog.getByRole('tab', { name: 'Qué lo ha causado' }).click();
  const slow = await dialog.locator('.empty p').innerText({ timeout: 5000 });
  check(/tarda más de lo que el servidor permite/.test(slow), 'a query that takes too long', slow);
  await page.unroute('**/api/v1/kpis/**');
  await page.route('**/api/v1/**', (route) => route.abort());
  await dialog.getByRole('button', { name: 'Reintentar' }).click();
  const gone = await until(() => dialog.locator('.empty p').innerText(), (text) => text !== slow, 5000);
  check(gone === 'No se puede contactar con el servidor.', 'a server that is gone', gone);
  await context.close();
}

// A time is meant in the zone that the page shows, not in the reader's own.
async function timesOfThePage(browser) {
  const { page, context, faults } = await openPage(browser, { timezoneId: 'America/New_York' });
  const [{ tz }] = (await ask('GET', '/api/v1/dashboards')).dashboards;
  const sent = [];
  await page.route('**/reset', (route) => {
    sent.push(route.request().postDataJSON());
    return route.fulfill({ json: { skipped: 0, repeated: 1, lost: 0 } });
  });
  await page.goto(`${base}/data`);
  await page.getByRole('button', { name: /^Read on elsewhere/ }).first().click();
  const form = page.locator('form.reset');
  check((await form.innerText()).includes(tz), 'a form says the zone of its time');
  for (const day of ['2026-11-20', '2026-07-20']) {
    await form.getByLabel('From this time on').fill(`${day}T10:00`);
    await form.getByRole('button', { name: 'What would that mean?' }).click();
    await until(() => sent.length, (n) => n > 0, 3000);
    const at = sent.pop()?.timestamp ?? '';
    const there = new Intl.DateTimeFormat('en-GB', { timeZone: tz, hour: '2-digit', minute: '2-digit' }).format(new Date(at));
    check(there === '10:00' && at.startsWith(day), `10:00 is that of ${tz} on ${day}`, at);
  }
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function formsOnAPhone(browser) {
  const { page, context, faults } = await openPage(browser, { locale: 'es-ES', viewport: { width: 320, height: 700 } });
  await page.goto(`${base}/alerts`);
  await page.getByRole('button', { name: 'Fijar umbral' }).first().click();
  await page.getByRole('button', { name: 'Nueva regla' }).click();
  await pause(800);
  const over = await page.locator('main select, main input, main button').evaluateAll((fields) =>
    fields.filter((field) => field.getBoundingClientRect().right > innerWidth).map((field) => field.getAttribute('aria-label') ?? field.textContent.slice(0, 20)),
  );
  check(over.length === 0, 'every field of a rule is on the screen of a phone', over.join('; '));
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// On paper: light, and what it is, of when.
async function onPaper(browser) {
  const { page, context, faults } = await openPage(browser, { colorScheme: 'dark' });
  await page.goto(`${base}/d/trading?filter=store:S001`);
  await settled(page);
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  await pause(300);
  const head = await page.locator('header').innerText();
  for (const part of ['Trading today', 'Today vs same day last week', 'newest|data as of']) {
    check(new RegExp(part).test(head), `a printed page says ${part}`, head);
  }
  check((await page.locator('.pill').first().isVisible()) === true, 'and what is filtered');
  const dark = await page.locator('body, .card, .card *').evaluateAll((nodes) =>
    nodes
      .filter((node) => node.checkVisibility() && !node.closest('[aria-hidden]'))
      .filter((node) => {
        const [r, g, b, a = 1] = getComputedStyle(node).backgroundColor.match(/[\d.]+/g).map(Number);
        return a > 0.5 && r + g + b < 300;
      })
      .map((node) => node.className),
  );
  check(dark.length === 0, 'and is no black area', dark.join('; '));
  check((await page.getByRole('button', { name: 'Show as table' }).count()) === 0, 'with nothing to press');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// What arrives late moves nothing that is there.
async function stillPage(browser) {
  const { page, context, faults } = await openPage(browser);
  const { alerts } = await ask('GET', '/api/v1/alerts');
  const late = { labels: {}, state: 'firing', value: 1, since: new Date().toISOString() };
  const firing = alerts.map((rule, i) => (i < 2 ? { ...rule, state: 'firing', instances: [late] } : rule));
  await page.route('**/api/v1/alerts', async (route) => {
    await pause(600);
    await route.fulfill({ json: { alerts: firing } });
  });
  await page.addInitScript(() => {
    window.moved = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.moved += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(`${base}/d/trading`);
  await page.getByLabel('Firing alerts').waitFor();
  await settled(page);
  await pause(300);
  const moved = await page.evaluate(() => window.moved);
  check(moved < 0.02, 'late alerts move no tile', String(moved));
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function stillChart(browser) {
  const { page, context } = await openPage(browser);
  await page.setViewportSize({ width: 1210, height: 900 });
  await page.goto(`${base}/d/trading?expected=1`);
  await settled(page);
  const article = tile(page, 'Net sales by hour');
  const chart = article.locator('canvas');
  const box = await chart.boundingBox();
  const heights = new Set();
  await page.mouse.move(box.x + box.width * 0.97, box.y + box.height / 2);
  await article.getByText(/usually/).first().waitFor();
  for (let at = 0.1; at < 1; at += 0.05) {
    await page.mouse.move(box.x + box.width * at, box.y + box.height / 2);
    await pause(60);
    heights.add(Math.round((await chart.boundingBox()).height));
  }
  check(heights.size === 1, 'a chart stays where it is under the pointer', [...heights].join());
  await context.close();
}

async function whereFrom(browser) {
  const { page, context } = await openPage(browser);
  await page.goto(`${base}/d/trading`);
  await settled(page);
  await page.getByRole('button', { name: 'About Net sales', exact: true }).click();
  const facts = await page.getByRole('dialog').innerText();
  check(/Offsets\s+\S+ 0:\d+/.test(facts), 'a number says up to which offsets it was read', facts);
  await page.goto(`${base}/data`);
  const card = page.locator('article', { hasText: 'Sales lines' });
  await card.locator('dd svg').waitFor({ timeout: 15_000 }).catch(() => {});
  check((await card.locator('dd svg').count()) === 1, 'a data set draws its rows a second');
  await context.close();
}

// The focus is never thrown back to the top of the page.
async function keptFocus(browser) {
  const { page, context, faults } = await openPage(browser);
  const named = () =>
    page.evaluate(() => {
      const at = document.activeElement;
      return at === document.body ? 'lost' : at.getAttribute('aria-label') || at.title || at.innerText.trim();
    });
  const press = async (target) => {
    await target.focus();
    await page.keyboard.press('Enter');
    await pause(300);
  };
  const is = (said, pattern, what) => check(pattern.test(said), `${what} has the focus`, said);
  await page.goto(`${base}/d/trading?range=yesterday`);
  await settled(page);
  const bars = tile(page, 'Best stores').locator('li button');
  const stops = await bars.evaluateAll((rows) => rows.filter((row) => row.tabIndex === 0).length);
  check(stops === 1, 'Tab stops at a list once', String(stops));
  await bars.first().focus();
  await page.keyboard.press('End');
  is(await named(), new RegExp(`^${await bars.last().getAttribute('title')}$`), 'by the arrow keys its last row');
  await page.keyboard.press('ArrowUp');
  const second = bars.nth((await bars.count()) - 2);
  const store = await second.getAttribute('title');
  await press(second);
  await page.waitForURL(/filter=store/);
  await settled(page);
  is(await until(named, (text) => text === store, 3000), new RegExp(`^${store}$`), 'the bar that filtered');
  await press(page.getByRole('button', { name: /^Remove the filter/ }));
  is(await named(), /filter/, 'after the last filter what adds one');
  await page.keyboard.press('t');
  is(await named(), /^Yesterday$/, 'in the panel of times the chosen one');
  await page.keyboard.press('Escape');
  await page.goto(`${base}/alerts`);
  await press(page.getByRole('button', { name: 'New rule' }));
  await press(page.getByRole('button', { name: 'Cancel' }));
  is(await named(), /^New rule/, 'what opened a form');
  await page.goto(`${base}/data`);
  await press(page.getByRole('button', { name: /^Pause/ }).first());
  await press(page.getByRole('button', { name: 'Cancel' }));
  is(await named(), /^Pause/, 'what asked before it pauses');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// A picture says of itself what it is of.
async function pictureOfItself(browser) {
  const { page, context, faults } = await openPage(browser, { acceptDownloads: true });
  await recordWords(page);
  await page.goto(`${base}/d/trading?tile=0&range=yesterday&filter=store:S001`);
  const dialog = page.getByRole('dialog');
  await dialog.locator('canvas').first().waitFor();
  await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: 'PNG' }).click()]);
  const note = (await page.evaluate(() => window.written)).find((text) => /€.*·/.test(text)) ?? '';
  const { range } = await ask('GET', `/api/v1/kpis/net_sales/value?range=yesterday&tz=${await zone()}`);
  const date = String(Number(range.from.slice(8, 10)));
  check(new RegExp(`\\b${date}\\b`).test(note) && !/ to /.test(note), 'of which day', note);
  check(/vs same day last week/.test(note) && /store: S001/.test(note), 'against what, of which part', note);
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// One bucket is a dot at its time, no empty chart of 1970.
async function oneBucket(browser) {
  const { page, context, faults } = await openPage(browser);
  await recordWords(page);
  await page.addInitScript(() => {
    window.dots = 0;
    const arc = Path2D.prototype.arc;
    Path2D.prototype.arc = function (...of) {
      window.dots += 1;
      return arc.apply(this, of);
    };
  });
  await page.goto(`${base}/d/trading?range=today&grain=day&compare=none`);
  await settled(page);
  await pause(300);
  const [texts, dots] = await page.evaluate(() => [window.written, window.dots]);
  check(!texts.some((text) => /^Jan 1$/.test(text)) || new Date().getMonth() === 0, 'one bucket has its own day', texts.join());
  const today = new Intl.DateTimeFormat('en-US', { timeZone: await zone(), month: 'short', day: 'numeric' }).format(Date.now());
  check(texts.includes(today), 'by its date', texts.join());
  check(dots > 0, 'and is a dot');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// Ranges people ask for by name, those up to now too.
async function namedRanges(browser) {
  const { page, context, faults } = await openPage(browser);
  for (const [name, range] of [['Last 4 hours', '-4h'], ['Last week', 'last_week']]) {
    await page.goto(`${base}/d/trading?compare=none`);
    await settled(page);
    await page.keyboard.press('t');
    await page.getByRole('button', { name, exact: true }).click();
    await page.waitForURL(new RegExp(`range=${range}`));
    await settled(page);
    const bar = await page.getByRole('button', { name: /^Time range/ }).innerText();
    check(bar.includes(name), `the bar says ${name}`, bar);
    const asked = `/api/v1/kpis/net_sales/value?range=${range}&tz=${await zone()}`;
    const shown = await tileNumber(page, 'Net sales');
    const { value } = await ask('GET', asked);
    check(Math.abs(shown - value) <= 1 + value * 0.01, `${name} has its number`, `${shown} ${value}`);
  }
  const spanish = await openPage(browser, { locale: 'es-ES' });
  for (const [name, range] of [['Últimas 6 horas', '-6h'], ['Últimos 14 días', 'last_14d'], ['El trimestre pasado', 'last_quarter']]) {
    await spanish.page.goto(`${base}/d/trading?range=${range}`);
    const bar = await spanish.page.getByRole('button', { name: /^Periodo y comparación/ }).innerText();
    check(bar.includes(name), `${range} has a name in Spanish`, bar);
  }
  await spanish.context.close();
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

export const reading = [
  ['reading: numbers line up', alignedNumbers],
  ['reading: a pivot', pivotInSight],
  ['reading: numbers in Spanish', groupedInSpanish],
  ['reading: one is not many', oneIsNotMany],
  ['reading: shades of a heat map', heatHasAScale],
  ['reading: no empty places', noEmptyPlaces],
  ['reading: a quiet source', quietSource],
  ['reading: a whole dashboard on a wall', wholeWall],
  ['reading: faults in Spanish', faultsInSpanish],
  ['reading: times of the page', timesOfThePage],
  ['reading: forms on a phone', formsOnAPhone],
  ['reading: focus', keptFocus],
  ['reading: one bucket', oneBucket],
  ['reading: named ranges', namedRanges],
  ['reading: a picture', pictureOfItself],
  ['reading: on paper', onPaper],
  ['reading: late alerts', stillPage],
  ['reading: a chart under the pointer', stillChart],
  ['reading: where a number is from', whereFrom],
];
