// What a new user would try first, by mouse and by keyboard alone; the log says
// how many steps and seconds each took.
import { ask, base, check, openPage, settled, tile } from './harness.mjs';

// A step of a task: by mouse a click, by keyboard as many presses as it takes.
function hand(page, byKeys) {
  let steps = 0;
  const press = async (key) => {
    steps += 1;
    await page.keyboard.press(key);
  };
  const onIt = (target) =>
    target.evaluate((node) => node === document.activeElement).catch(() => false);
  async function reach(target, key = 'Tab', most = 150) {
    await target.waitFor();
    for (let i = 0; i < most && !(await onIt(target)); i += 1) await press(key);
    if (!(await onIt(target))) throw new Error(`not reached by ${key}: ${target}`);
  }
  return {
    steps: () => steps,
    async go(target) {
      if (!byKeys) {
        steps += 1;
        return target.click();
      }
      if ((await target.getAttribute('role')) === 'tab') {
        const chosen = target.locator('xpath=..').locator('[aria-selected="true"]');
        await reach(chosen);
        return reach(target, 'ArrowRight', 10);
      }
      await reach(target);
      return press('Enter');
    },
    // A key of the page, or what it stands for.
    async key(key, target) {
      if (!byKeys) return this.go(target);
      return press(key);
    },
    async type(target, text) {
      if (byKeys) await reach(target);
      else await target.click();
      steps += 1;
      await target.fill(text);
    },
  };
}

const timeButton = (page) => page.getByRole('button', { name: /^Time range/ });

async function behindTarget(page, act) {
  await page.goto(`${base}/d/trading`);
  await settled(page);
  await act.go(page.getByRole('button', { name: 'Open Best stores' }));
  const dialog = page.getByRole('dialog', { name: 'Net sales' });
  const head = dialog.getByRole('columnheader', { name: /^Change/ }).getByRole('button');
  await dialog.locator('tbody tr.item').first().waitFor();
  await act.go(head);
  const change = await dialog.locator('tbody tr.item td').nth(2).innerText();
  if (!/^[-−]/.test(change.trim())) throw new Error(`the worst is not first: ${change}`);
  const worst = dialog.locator('tbody tr.item button').first();
  const store = await worst.innerText();
  await act.go(worst);
  await page.waitForURL(/filter=store:/);
  await act.go(dialog.getByRole('tab', { name: 'What drove this' }));
  await dialog.getByText(/What contributed/).waitFor();
  const why = await dialog.locator('section li').first().innerText();
  return `${store}: ${why.replace(/\s+/g, ' ')}`;
}

async function stockOuts(page, act) {
  const before = (await ask('GET', '/api/v1/alerts')).alerts.find((a) => a.kpi === 'stockout_rate');
  await page.goto(`${base}/d/trading`);
  await settled(page);
  await act.go(page.getByRole('button', { name: 'Menu' }));
  await act.go(page.getByRole('link', { name: /Alerts/ }));
  const rule = page.locator('article', { hasText: before.alert });
  await act.go(rule.getByRole('button', { name: /Set threshold/ }));
  const limit = rule.getByLabel('Fire when it is: limit');
  await act.type(limit, '9');
  await rule.getByText(/were beyond/).waitFor();
  await act.go(rule.getByRole('button', { name: 'Save' }));
  await limit.waitFor({ state: 'detached' });
  const { when } = await ask('GET', `/api/v1/alerts/${before.alert}`);
  await ask('DELETE', `/api/v1/alerts/${before.alert}`);
  return when === '> 0.09' ? when : '';
}

async function lateCarrier(page) {
  await page.goto(`${base}/d/supply`);
  await settled(page);
  const last = tile(page, 'On time by carrier').locator('li').last();
  return (await last.innerText()).replace(/\s+/g, ' ');
}

async function lastWeek(page, act) {
  await page.goto(`${base}/d/trading`);
  await settled(page);
  await act.key('t', timeButton(page));
  await act.go(page.getByRole('button', { name: 'Last week', exact: true }));
  await page.waitForURL(/range=last_week/);
  await settled(page);
  await act.go(page.getByRole('button', { name: 'Open Best stores' }));
  const dialog = page.getByRole('dialog', { name: 'Net sales' });
  await dialog.locator('tbody tr.item').first().waitFor();
  const download = page.waitForEvent('download');
  await act.go(dialog.getByRole('button', { name: 'XLSX' }));
  return (await download).suggestedFilename();
}

async function aYearAgo(page, act) {
  await page.goto(`${base}/d/trading`);
  await settled(page);
  await act.key('t', timeButton(page));
  await act.go(page.getByRole('button', { name: 'Yesterday' }));
  await act.key('t', timeButton(page));
  await act.go(page.getByRole('button', { name: 'vs last year, same weekday' }));
  await page.waitForURL(/compare=last_year_364/);
  await settled(page);
  const text = await tile(page, 'Net sales').innerText();
  return /last year|Nothing to compare/.test(text) ? text.replace(/\s+/g, ' ') : '';
}

const kTasks = [
  ['which store is behind and why', behindTarget],
  ['a threshold on stock-outs', stockOuts],
  ['the late carrier', lateCarrier],
  ['export last week by store', lastWeek],
  ['yesterday against the same day last year', aYearAgo],
];

const tried = (byKeys) => async (browser) => {
  for (const [name, run] of kTasks) {
    const { page, context, faults } = await openPage(browser, { acceptDownloads: true });
    const act = hand(page, byKeys);
    const start = Date.now();
    let found = '';
    let fault = '';
    try {
      found = await run(page, act);
    } catch (error) {
      fault = String(error.message).split('\n')[0];
    }
    const seconds = ((Date.now() - start) / 1000).toFixed(1);
    const how = byKeys ? 'keyboard' : 'mouse';
    console.log(`    ${name}, ${how}: ${act.steps()} steps, ${seconds} s: ${found}`);
    check(found !== '' && fault === '', `${name}, by ${how}`, fault);
    check(faults.length === 0, `${name}, by ${how}: no fault on the way`, faults.join('; '));
    await context.close();
  }
};

export const tasks = [
  ['five tasks by mouse', tried(false)],
  ['five tasks by keyboard', tried(true)],
];
