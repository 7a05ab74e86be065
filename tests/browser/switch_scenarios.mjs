// Parts of the pages that are there only if the server has their routes: its
// description is changed on the way, and what it would answer is played.
import { ask, base, check, openPage, screenshot, settled, until } from './harness.mjs';
import { audit } from './look_scenarios.mjs';

const kOptional = [
  '/api/v1/silences',
  '/api/v1/silences/{s}',
  '/api/v1/alerts/{a}/acknowledge',
  '/api/v1/alerts/preview',
  '/api/v1/contacts',
  '/api/v1/contacts/{c}/test',
  '/api/v1/ingestion/{d}/reset',
  '/api/v1/ingestion/{d}/dead-letters/replay',
];

export async function describe(page, has) {
  const real = await ask('GET', '/api/v1/openapi.json');
  for (const path of kOptional) {
    if (has) real.paths[path] ??= {};
    else delete real.paths[path];
  }
  await page.route('**/api/v1/openapi.json', (route) => route.fulfill({ json: real }));
}

// Answers of a path, and what was sent to it.
export async function play(page, path, answer) {
  const sent = [];
  await page.route((url) => url.pathname === path, (route) => {
    const request = route.request();
    const body = request.postData();
    sent.push({ method: request.method(), body: body ? JSON.parse(body) : null, url: request.url() });
    const json = answer(request.method());
    return json === undefined ? route.fallback() : route.fulfill({ json });
  });
  return sent;
}

const kLabels = { carrier: 'Velocargo' };
async function oneFires(page) {
  const { alerts } = await ask('GET', '/api/v1/alerts');
  const [first] = alerts;
  first.state = 'firing';
  first.instances = [{ labels: kLabels, state: 'firing', value: 0.8, since: new Date().toISOString() }];
  await play(page, '/api/v1/alerts', () => ({ alerts }));
  return first;
}

async function withoutRoutes(browser) {
  const { page, context, faults } = await openPage(browser);
  await describe(page, false);
  const rule = await oneFires(page);
  await page.goto(`${base}/alerts`);
  const article = page.locator('article', { hasText: rule.alert }).first();
  await article.getByText('Velocargo').waitFor();
  const buttons = (await article.getByRole('button').allInnerTexts()).map((s) => s.split('\n')[0]);
  check(buttons.every((text) => !/Silence|seen/.test(text)), 'no dead button on an alert', buttons.join());
  const tabs = await page.getByRole('tab').allInnerTexts();
  check(tabs.join() === 'All rules,Firing,History', 'no tab without a route', tabs.join());
  await page.goto(`${base}/data`);
  const card = page.locator('article', { hasText: 'sales' }).first();
  await card.getByRole('button', { name: /^Restart/ }).waitFor();
  check((await card.getByRole('button', { name: /^Read on/ }).count()) === 0, 'no reset without a route');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function withRoutes(browser) {
  const { page, context, faults } = await openPage(browser);
  await describe(page, true);
  const rule = await oneFires(page);
  const until = new Date(Date.now() + 3_600_000).toISOString();
  const silenced = { silence: '1', alert: rule.alert, labels: kLabels, until, who: 'Ana' };
  const silences = await play(page, '/api/v1/silences', (method) =>
    method === 'GET' ? { silences: [silenced] } : silenced);
  const ended = await play(page, '/api/v1/silences/1', () => ({}));
  const seen = await play(page, `/api/v1/alerts/${rule.alert}/acknowledge`, () => ({}));
  const previews = await play(page, '/api/v1/alerts/preview', () => ({
    firings: [{ labels: kLabels, from: new Date(Date.now() - 864e5).toISOString(), to: null }],
  }));
  await play(page, '/api/v1/contacts', () => ({ contacts: [{ contact: 'ops_webhook', kind: 'webhook' }] }));
  const tests = await play(page, '/api/v1/contacts/ops_webhook/test', () => ({}));
  await page.goto(`${base}/alerts`);
  const article = page.locator('article', { hasText: rule.alert }).first();
  await article.getByRole('button', { name: 'I have seen it Velocargo' }).click();
  await article.getByText('Noted.').waitFor();
  check(JSON.stringify(seen[0]?.body) === JSON.stringify({ labels: kLabels }), 'acknowledged by its labels', JSON.stringify(seen));
  await article.getByRole('button', { name: 'Silence Velocargo' }).click();
  await page.getByRole('button', { name: 'Until tomorrow at 8' }).click();
  await article.getByText('Silenced.').waitFor();
  const rest = silences.find(({ method }) => method === 'POST')?.body;
  const morning = new Date(rest?.until);
  check(rest?.alert === rule.alert && morning.getHours() === 8 && morning - Date.now() > 0, 'silenced until the morning', JSON.stringify(rest));
  await article.getByRole('button', { name: /^Set threshold/ }).click();
  await article.getByText('Times it would have fired: 1.').waitFor();
  check(previews[0]?.body.kpi === rule.kpi, 'the server says when it would have fired');
  await audit(page, 'alerts with all routes');
  await page.getByRole('tab', { name: 'Silenced' }).click();
  await page.getByText('Ana').waitFor();
  await audit(page, 'silences');
  await page.getByRole('button', { name: /^End the silence/ }).click();
  await page.getByRole('tab', { name: 'Contacts' }).click();
  check(ended[0]?.method === 'DELETE', 'a silence is ended');
  await page.getByRole('button', { name: /^Send a test/ }).click();
  await page.getByText('The message was accepted.').waitFor();
  check(tests[0]?.method === 'POST', 'a contact is tested');
  await audit(page, 'contacts');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

const kLetter = { id: 'log/0/12', partition: 'log/0', offset: 12, time: '2026-11-20T10:00:00.000Z', reason: 'wrong_type', message: 'qty is a text: "two"', event: '{"ts":1,"qty":"two"}', size: 20, whole: true };

async function deadLettersAndReset(browser) {
  const { page, context, faults } = await openPage(browser);
  await describe(page, true);
  const path = '/api/v1/ingestion/sales/dead-letters';
  const listed = await play(page, path, (method) =>
    method === 'DELETE'
      ? { removed: 1 }
      : { dead_letters: [kLetter], reasons: { wrong_type: 1, time: 3 }, total: 4 });
  const replays = await play(page, `${path}/replay`, () => ({ replayed: 1, rejected: 0, errors: [] }));
  const resets = await play(page, '/api/v1/ingestion/sales/reset', () => ({ skipped: 0, repeated: 1200, lost: 0 }));
  await page.goto(`${base}/data`);
  const card = page.locator('article', { has: page.getByText('sales', { exact: true }) }).first();
  await card.getByRole('button', { name: /^Rejected events/ }).click();
  await card.getByRole('button', { name: /qty is a text/ }).click();
  const mend = card.getByRole('button', { name: 'Try this text instead' });
  check(await mend.isDisabled(), 'what is not changed is not tried again alone');
  await card.getByLabel('Event', { exact: true }).fill('{"ts":1,"qty":2}');
  await audit(page, 'rejected events');
  await screenshot(page, 'dead-letters');
  await mend.click();
  await card.getByText('1 became a row, 0 were rejected again.').waitFor();
  check(
    JSON.stringify(replays[0]?.body) === '{"events":[{"id":"log/0/12","event":"{\\"ts\\":1,\\"qty\\":2}"}]}',
    'the mended event is sent', JSON.stringify(replays),
  );
  await card.getByLabel('Why').selectOption({ label: 'no time (3)' });
  await card.getByLabel('Why').selectOption('wrong_type');
  await card.getByRole('button', { name: 'Try them again' }).first().click();
  check(replays.length === 1, 'nothing is done before it is confirmed');
  await card.getByRole('group', { name: 'Try them again' }).getByRole('button', { name: 'Try them again' }).click();
  await card.getByText('1 became a row').waitFor();
  check(replays[1]?.body.reason === 'wrong_type', 'those of a reason are tried again', JSON.stringify(replays[1]));
  await card.getByRole('button', { name: 'Remove for good' }).click();
  await card.getByRole('group', { name: 'Remove for good' }).getByRole('button', { name: 'Remove for good' }).click();
  await card.getByText('1 removed.').waitFor();
  check(listed.some(({ method, url }) => method === 'DELETE' && url.endsWith('?reason=wrong_type')), 'and removed');
  await card.getByRole('button', { name: /^Read on elsewhere/ }).click();
  await card.getByLabel('Read on', { exact: true }).selectOption('earliest');
  await card.getByRole('button', { name: 'What would that mean?' }).click();
  await card.getByText('0 events would be skipped and 1,200 read again.').waitFor();
  check(resets.length === 1 && resets[0].body.dry_run === true, 'a reset is tried dry first', JSON.stringify(resets));
  await audit(page, 'reset of a stream');
  await card.getByRole('button', { name: 'Do it' }).click();
  await card.getByText(/^Done:/).waitFor();
  check(resets[1]?.body.dry_run === false && resets[1].body.to === 'earliest', 'then done', JSON.stringify(resets));
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// Only letters that are in memory still: the same can be done with them, which
// writes them first.
async function pendingLetters(browser) {
  const { page, context, faults } = await openPage(browser);
  await describe(page, true);
  await play(page, '/api/v1/ingestion/sales/dead-letters', () => ({
    dead_letters: [{ ...kLetter, pending: true }], reasons: { wrong_type: 3 }, total: 3, pending: 3, pending_at_most_ms: 600000,
  }));
  await page.goto(`${base}/data`);
  const card = page.locator('article', { has: page.getByText('sales', { exact: true }) }).first();
  await card.getByRole('button', { name: /^Rejected events/ }).click();
  await card.getByText(/^3 are not written yet: .* within 10 min, or now/).waitFor();
  await card.getByRole('button', { name: /qty is a text/ }).click();
  const offered = await card.getByRole('button', { name: /Try|Remove/ }).count();
  check(offered === 3, 'what is not written can be mended, tried again and removed', offered);
  await audit(page, 'rejected events that are not written');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// What is marked on a line: the page's annotations, and buckets that changed
// after they were over.
async function marks(browser) {
  const { page, context, faults } = await openPage(browser);
  const trading = await ask('GET', '/api/v1/dashboards/trading');
  const day = (n) => new Date(Date.now() + n * 864e5).toISOString();
  trading.annotations = [{ title: 'Strike of the bakers', kind: 'event', from: day(-3), to: day(1) }];
  await play(page, '/api/v1/dashboards/trading', () => trading);
  await page.route('**/api/v1/kpis/query', async (route) => {
    const response = await route.fetch();
    const json = await response.json();
    for (const answer of json.answers) if (answer.series?.[0]) answer.series[0].restated = true;
    await route.fulfill({ json });
  });
  await page.goto(`${base}/d/trading?range=yesterday&tile=4`);
  const dialog = page.getByRole('dialog');
  const chart = dialog.getByRole('slider');
  await chart.focus();
  const said = await until(
    async () => {
      await page.keyboard.press('Home');
      return dialog.locator('.readout').innerText();
    },
    (text) => /, 00:00/.test(text),
    5000,
  );
  check(/Strike of the bakers/.test(said), 'the readout names what happened', said);
  check(/changed later/.test(said), 'and that a bucket changed later', said);
  await screenshot(page, 'marks');
  await dialog.getByRole('button', { name: 'Show as table' }).click();
  const changed = await dialog.getByText('(changed later)').count();
  check(changed === 1, 'the table marks that bucket alone', String(changed));
  trading.filters = [];
  await page.goto(`${base}/d/trading?range=yesterday`);
  await settled(page);
  await page.keyboard.press('/');
  check((await page.getByRole('dialog').count()) === 0, 'without filters their key opens nothing');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function tokenAsked(browser) {
  const { page, context, faults, expected } = await openPage(browser);
  expected.push('401');
  const error = { code: 'unauthorized', message: 'a token is needed' };
  await page.route('**/api/v1/alerts', (route) => route.fulfill({ status: 401, json: { error } }));
  await page.goto(`${base}/d/trading?range=yesterday`);
  const prompt = page.getByRole('dialog', { name: 'Access token' });
  await prompt.waitFor();
  check((await prompt.getByRole('alert').count()) === 0, 'a token is asked for');
  // A key that is pressed while the page still comes up may reach nothing.
  const left = await until(
    async () => {
      await page.keyboard.press('Escape');
      return prompt.count();
    },
    (count) => count === 0,
    3000,
  );
  check(left === 0, 'it can be put away');
  await prompt.waitFor({ timeout: 9000 });
  check(true, 'put away, it is asked for again');
  await prompt.locator('input').fill('wrong');
  await page.keyboard.press('Enter');
  await prompt.getByText('was not accepted').waitFor({ timeout: 9000 });
  check(true, 'a wrong one is said to be wrong');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

async function noChange(browser) {
  const { page, context } = await openPage(browser);
  await page.route('**/api/v1/kpis/query', async (route) => {
    const response = await route.fetch();
    const json = await response.json();
    for (const { compare } of json.answers) if (compare) compare.change = -0.0002;
    await route.fulfill({ json });
  });
  await page.goto(`${base}/d/trading?range=yesterday&tile=3`);
  const delta = page.getByRole('dialog').locator('.delta');
  await delta.getByText('0.0 pp').waitFor();
  const colours = await delta.locator('.good, .bad').count();
  check(colours === 0, 'what rounds to nothing is neither good nor bad', String(colours));
  await context.close();
}

export const switches = [
  ['switch: a change that rounds to nothing', noChange],
  ['switch: marks on a line', marks],
  ['switch: a token', tokenAsked],
  ['switch: without the routes', withoutRoutes],
  ['switch: with the routes of alerts', withRoutes],
  ['switch: dead letters and reset', deadLettersAndReset],
  ['switch: dead letters in memory', pendingLetters],
];
