// What an address may hold, and what the history keeps of it: wrong values are
// said, undo outlives a reload, what is open follows.
import { base, check, openPage, pause, screenshot, settled, tile, until } from './harness.mjs';

// The page stands, with its bar and a reason in place of numbers.
async function wrongValues(browser) {
  const kWrong = [
    ['tz=Mars/Phobos', /Mars\/Phobos/],
    ['grain=century', /century/],
    ['range=someday', /someday/],
    ['compare=never', /never/],
  ];
  for (const [part, said] of kWrong) {
    const { page, context, faults, expected } = await openPage(browser);
    expected.push('400');
    await page.goto(`${base}/d/trading?${part}`);
    const main = page.locator('main');
    const text = await until(() => main.innerText(), (shown) => said.test(shown) && !/Loading/.test(shown), 4000);
    check(said.test(text), `${part} is said to be wrong`, text.slice(0, 200));
    check(!/Loading/.test(text), `and nothing waits for ever, ${part}`, text.slice(0, 200));
    check(faults.length === 0, `no fault on the way, ${part}`, faults.join('; '));
    await context.close();
  }
}

// What is filtered twice is shown twice.
async function givenTwice(browser) {
  const { page, context, faults, expected } = await openPage(browser);
  expected.push('400');
  await page.goto(`${base}/d/trading?filter=channel:web;channel:store&having=net_sales:above:1;net_sales:below:9`);
  const pills = await until(() => page.locator('.pill').count(), (n) => n === 4, 5000);
  check(pills === 4, 'a filter that is given twice breaks no page', pills);
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// Seconds beyond what a timer holds are no hurry.
async function longestWall(browser) {
  const { page, context, faults } = await openPage(browser);
  for (const seconds of ['9999999', 'Infinity']) {
    await page.goto(`${base}/d/trading?wall=${seconds}`);
    await settled(page);
    await pause(3000);
    const top = await page.evaluate(() => scrollY);
    check(page.url().includes('/d/trading?') && top === 0, `a wall of ${seconds} s stays`, `${page.url()} ${top}`);
  }
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function undoAfterReload(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/trading?range=yesterday&compare=none`);
  await settled(page);
  await tile(page, 'Best stores').locator('li button').first().click();
  await page.waitForURL(/filter=/);
  await page.reload();
  await settled(page);
  const undo = page.getByRole('button', { name: 'Undo' });
  check((await undo.count()) === 1, 'what was done before a reload can be undone');
  await page.keyboard.press('Control+z');
  const url = await until(() => page.url(), (now) => !now.includes('filter='), 3000);
  check(!url.includes('filter='), 'by key, too', url);
  await until(() => undo.count(), (n) => n === 0);
  check((await undo.count()) === 0, 'and then there is nothing left to undo');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function rowsFollow(browser) {
  const { page, context, faults } = await openPage(browser);
  await page.goto(`${base}/d/trading?range=yesterday&compare=none&tile=0`);
  const dialog = page.getByRole('dialog');
  const said = () => dialog.getByText(/The newest 200 of/).innerText();
  // A filter that comes while the rows are open, as by the button of the browser.
  const show = async (url) => {
    await page.evaluate((to) => {
      history.pushState({ depth: 1 }, '', to);
      dispatchEvent(new PopStateEvent('popstate'));
    }, url);
  };
  await dialog.getByRole('tab', { name: 'Rows' }).click();
  const all = await said();
  await show('/d/trading?range=yesterday&compare=none&filter=channel:web&tile=0');
  const web = await until(said, (text) => text !== all, 5000);
  check(web !== all, 'rows in sight follow the filter', `${all} ${web}`);
  await show('/d/trading?range=yesterday&compare=none&tile=0');
  const again = await until(said, (text) => text === all, 5000);
  check(again === all, 'and back', `${all} ${again}`);
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// The answer of a query that another has followed is not shown.
async function overtakenQuery(browser) {
  const { page, context, faults } = await openPage(browser);
  let late = 0;
  await page.route('**/druid/v2/sql', async (route) => {
    if (route.request().postData()?.includes("'slow'")) {
      await pause(1500);
      late += 1;
    }
    await route.continue();
  });
  await page.goto(`${base}/query?sql=${encodeURIComponent("SELECT 'slow' AS a")}`);
  const editor = page.getByLabel('SQL', { exact: true });
  await until(() => editor.inputValue(), (text) => text.includes('slow'));
  await editor.fill("SELECT 'fast' AS a");
  await editor.press('Control+Enter');
  const table = page.locator('main table');
  await table.getByText('fast').waitFor();
  await until(() => late, (n) => n === 1);
  await pause(500);
  const shown = await table.innerText();
  check(shown.includes('fast') && !shown.includes('slow'), 'the newer query’s answer stays', shown);
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// What was not answered is not counted, and not to be exported as nothing.
async function unanswered(browser) {
  const { page, context, faults, expected } = await openPage(browser);
  expected.push('ERR_FAILED');
  await page.goto(`${base}/d/trading?range=yesterday&compare=none&tile=0`);
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('slider').waitFor();
  await page.route('**/api/v1/kpis/query', (route) => route.abort());
  await dialog.getByRole('tab', { name: 'By dimension' }).click();
  await dialog.getByText('can’t be reached').waitFor();
  const text = await dialog.locator('.content').innerText();
  check(!/0 values|XLSX/.test(text), 'a list that was not answered has no count and no export', text);
  await page.unroute('**/api/v1/kpis/query');
  await dialog.getByRole('button', { name: 'Try again' }).click();
  await dialog.locator('tbody tr').first().waitFor();
  check((await dialog.getByRole('button', { name: 'XLSX' }).count()) === 1, 'answered, it has');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// A KPI or a data set that there is not is said, not passed over.
async function nothingToExplore(browser) {
  const kSaid = {
    'en-US': [/no KPI “zz” on these data/, /no data set “nothing” here/],
    'es-ES': [/ningún KPI «zz»/, /ningún conjunto de datos «nothing»/],
  };
  for (const [locale, [kpi, set]] of Object.entries(kSaid)) {
    const { page, context, faults } = await openPage(browser, { locale });
    await page.goto(`${base}/explore/sales?kpi=zz`);
    await page.getByText(kpi).waitFor({ timeout: 5000 });
    check(true, `a KPI that there is not is named, ${locale}`);
    await screenshot(page, `explore-no-kpi-${locale}`);
    await page.goto(`${base}/explore/nothing`);
    await page.getByText(set).waitFor({ timeout: 5000 });
    check(true, `and a data set, ${locale}`);
    await screenshot(page, `explore-no-set-${locale}`);
    check(faults.length === 0, 'no fault on the way', faults.join('; '));
    await context.close();
  }
}

// What could not be asked is asked again when the server is back, by nobody's hand.
async function backAgain(browser) {
  const { page, context, faults, expected } = await openPage(browser);
  expected.push('ERR_FAILED');
  let tries = 0;
  await page.route('**/openapi.json', (route) => (tries++ === 0 ? route.abort() : route.continue()));
  await page.goto(`${base}/d/trading?range=yesterday&compare=none`);
  await settled(page);
  await page.getByRole('button', { name: 'Views' }).waitFor({ timeout: 9000 });
  check(tries > 1, 'what the server can do is asked again', tries);
  for (const path of ['kpis/query', 'datasets']) {
    await page.route(`**/api/v1/${path}`, (route) => route.abort());
  }
  await tile(page, 'Net sales').getByRole('button', { name: /^Open/ }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('can’t be reached').waitFor();
  await page.waitForResponse(/api\/v1\/alerts/);
  await pause(300);
  await page.unroute('**/api/v1/kpis/query');
  await page.unroute('**/api/v1/datasets');
  const slider = dialog.getByRole('slider');
  await slider.waitFor({ timeout: 12_000 });
  check((await dialog.getByRole('button', { name: 'Try again' }).count()) === 0, 'an open tile has its numbers again');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

export const addresses = [
  ['wrong values in the address', wrongValues],
  ['a filter that is given twice', givenTwice],
  ['a wall for ever', longestWall],
  ['undo after a reload', undoAfterReload],
  ['rows follow the view', rowsFollow],
  ['an overtaken query', overtakenQuery],
  ['a list without an answer', unanswered],
  ['nothing to explore', nothingToExplore],
  ['an open tile when the server is back', backAgain],
];
