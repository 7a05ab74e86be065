// The list of rejected events while answers are late: what is chosen, what is
// shown and what is acted on are the same.
import { base, check, openPage, pause, screenshot, until } from './harness.mjs';
import { audit } from './look_scenarios.mjs';
import { describe, play } from './switch_scenarios.mjs';

const kPath = '/api/v1/ingestion/sales/dead-letters';
const kSlow = 600;

const letter = (offset, reason, more = {}) => ({
  id: `log/0/${offset}`, partition: 'log/0', offset, time: '2026-11-20T10:00:00.000Z',
  reason, message: `${reason} ${offset}`, event: `{"n":${offset}}`, size: 9, whole: true, ...more,
});

// Pages of two letters of a reason; "wrong_type" and what comes later are slow.
async function serveLetters(page, held) {
  const removed = [];
  await page.route((url) => url.pathname === kPath, async (route) => {
    const query = new URL(route.request().url()).searchParams;
    const reason = query.get('reason') ?? '';
    const those = () => held.filter((one) => !reason || one.reason === reason);
    if (route.request().method() === 'DELETE') {
      const gone = those();
      removed.push(reason);
      held.splice(0, held.length, ...held.filter((one) => !gone.includes(one)));
      return route.fulfill({ json: { removed: gone.length } });
    }
    const from = Number(query.get('after') ?? 0);
    const reasons = {};
    for (const one of held) reasons[one.reason] = (reasons[one.reason] ?? 0) + 1;
    const json = {
      dead_letters: those().slice(from, from + 2), reasons, total: held.length,
      ...(from + 2 < those().length ? { next: from + 2 } : {}),
    };
    if (from > 0 || reason === 'wrong_type') await pause(kSlow);
    return route.fulfill({ json });
  });
  return removed;
}

async function openLetters(page) {
  await page.goto(`${base}/data`);
  const card = page.locator('article', { has: page.getByText('sales', { exact: true }) }).first();
  await card.getByRole('button', { name: /^Rejected events/ }).click();
  await card.locator('li').first().waitFor();
  return card;
}
const shownIn = async (card) => (await card.locator('li strong + span').allInnerTexts()).join();

async function lateAnswers(browser) {
  const { page, context, faults } = await openPage(browser);
  await describe(page, true);
  const held = [1, 2, 3].map((n) => letter(n, 'wrong_type')).concat([4, 5, 6].map((n) => letter(n, 'expression')));
  const removed = await serveLetters(page, held);
  const card = await openLetters(page);
  const more = card.getByRole('button', { name: 'Show more' });
  await more.dblclick();
  await until(() => card.locator('li').count(), (n) => n > 2);
  await pause(kSlow);
  const four = 'wrong_type 1,wrong_type 2,wrong_type 3,expression 4';
  check((await shownIn(card)) === four && faults.length === 0, 'a double click shows more once', `${await shownIn(card)} ${faults}`);
  const why = card.getByLabel('Why');
  await why.selectOption('wrong_type');
  await why.selectOption('expression');
  await pause(2 * kSlow);
  check((await shownIn(card)) === 'expression 4,expression 5', 'an overtaken reason is not shown', await shownIn(card));
  await more.click();
  await why.selectOption('');
  await pause(2 * kSlow);
  check((await shownIn(card)) === 'wrong_type 1,wrong_type 2', 'more of another reason is not added', await shownIn(card));
  await why.selectOption('expression');
  await until(() => shownIn(card), (text) => /^expression/.test(text));
  await why.selectOption('wrong_type');
  await card.getByRole('button', { name: 'Remove for good' }).click();
  const sure = card.getByRole('group', { name: 'Remove for good' });
  check(/expression|formula/i.test(await sure.innerText()), 'it is said which letters go', await sure.innerText());
  await sure.getByRole('button', { name: 'Remove for good' }).click();
  await card.getByText('3 removed.').waitFor();
  check(removed.join() === 'expression', 'those in sight are removed', removed.join());
  await until(() => shownIn(card), (text) => /^wrong_type/.test(text));
  check((await why.inputValue()) === 'wrong_type', 'and the reason that was chosen is shown', await why.inputValue());
  await card.getByRole('button', { name: 'Remove for good' }).click();
  await sure.getByRole('button', { name: 'Remove for good' }).click();
  await card.getByText('None is kept for this reason any more.').waitFor();
  check((await why.inputValue()) === 'wrong_type', 'a reason without letters stays chosen', await why.inputValue());
  await audit(page, 'a reason without letters');
  await screenshot(page, 'letters-none');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

// Why an event can't be mended, and that a stream reads but a part of its source.
async function said(browser) {
  const { page, context, faults } = await openPage(browser, { viewport: { width: 375, height: 740 } });
  await describe(page, true);
  await serveLetters(page, [letter(1, 'json', { event: '\ufffd', event_base64: '/w==' })]);
  await play(page, '/api/v1/ingestion/sales', () => ({ dataset: 'sales', state: 'running', caught_up: true, complete: false }));
  const card = await openLetters(page);
  await card.getByText(/^Only some of the source’s partitions are read/).waitFor();
  await card.getByRole('button', { name: /json 1/ }).click();
  await card.getByText(/^The event is bytes, not text/).waitFor();
  check(true, 'both are said');
  await screenshot(page, 'letters-bytes');
  check(faults.length === 0, 'no fault on the way', faults.join('; '));
  await context.close();
}

export const letters = [
  ['letters: late answers', lateAnswers],
  ['letters: what they are', said],
];
